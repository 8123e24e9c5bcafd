import {Component, onWillStart, onWillUpdateProps, useState} from "@odoo/owl";
import {CopyButton} from "@web/core/copy_button/copy_button";
import {useService} from "@web/core/utils/hooks";
import {usePace} from "./pace";
import {SPANS} from "./spans";
import {TopicHistory} from "./topic_history";
import {TopicValue} from "./topic_value";

const VALUE_PERIOD = 500; // milliseconds between two readings of the value
const HISTORY_PERIOD = 2000; // of its history

/** Everything about one topic: what it says now and what it said. */
export class TopicPane extends Component {
    static template = "mqtt_listener.TopicPane";
    static components = {CopyButton, TopicHistory, TopicValue};
    static props = {
        serviceId: Number,
        topic: String,
        tick: Number, // whenever it changes there may be something new
        onPathPicked: {type: Function, optional: true}, // called with a JSONPath
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.spans = SPANS;
        this.target = {serviceId: this.props.serviceId, topic: this.props.topic};
        this.state = useState({...this.initialState(), seconds: SPANS[0].seconds});
        this.valuePace = usePace(() => this.readValue(), VALUE_PERIOD);
        this.historyPace = usePace(() => this.readHistory(), HISTORY_PERIOD);
        onWillStart(() => this.refresh());
        onWillUpdateProps((props) => this.onNewProps(props));
    }

    initialState() {
        return {data: null, history: null, messageId: false, path: undefined};
    }

    onNewProps({serviceId, topic, tick}) {
        if (serviceId !== this.props.serviceId || topic !== this.props.topic) {
            this.target = {serviceId, topic};
            Object.assign(this.state, this.initialState());
            this.refresh();
        } else if (tick !== this.props.tick) {
            this.valuePace.ask();
            this.historyPace.ask();
        }
    }

    refresh() {
        return Promise.all([this.valuePace.run(), this.historyPace.run()]);
    }

    /** Calls a method of the service; undefined when that is not asked any more. */
    async call(method, isFirst, ...args) {
        const {target} = this;
        // The first reading says what is wrong; later ones try again by themselves.
        const orm = isFirst ? this.orm : this.orm.silent;
        let result;
        try {
            result = await orm.call("mqtt.service", method, [
                [target.serviceId],
                target.topic,
                ...args,
            ]);
        } catch (error) {
            if (isFirst) {
                throw error;
            }
        }
        return target === this.target ? result : undefined;
    }

    async readValue() {
        const {data, messageId} = this.state;
        const read = await this.call("topic_value", !data, messageId || null);
        if (read && messageId === this.state.messageId) {
            this.state.data = read;
        }
    }

    async readHistory() {
        const {history, seconds} = this.state;
        const read = await this.call("topic_history", !history, seconds);
        if (read && seconds === this.state.seconds) {
            this.state.history = read;
        }
    }

    get message() {
        return this.state.data?.message;
    }

    get levels() {
        return this.props.topic.slice(0, this.props.topic.lastIndexOf("/") + 1);
    }

    get lastLevel() {
        return this.props.topic.slice(this.props.topic.lastIndexOf("/") + 1);
    }

    /** @param {Number|Boolean} messageId false: the newest, whichever that is */
    show(messageId) {
        this.state.messageId = messageId;
        return this.valuePace.run();
    }

    onSpan(event) {
        this.state.seconds = Number(event.target.value);
        return this.historyPace.run();
    }

    onPathPicked(path) {
        this.state.path = path;
        this.props.onPathPicked?.(path);
    }

    openMessage() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mqtt.signal.history",
            res_id: this.message.id,
            views: [[false, "form"]],
        });
    }
}
