import {Component, onWillStart, onWillUpdateProps, useState} from "@odoo/owl";
import {ConfirmationDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {CopyButton} from "@web/core/copy_button/copy_button";
import {_t} from "@web/core/l10n/translation";
import {useService} from "@web/core/utils/hooks";
import {describeAge} from "./moments";
import {usePace} from "./pace";
import {pathActions} from "./path_actions";
import {PublishHere} from "./publish_here";
import {FIRST_SPAN, SpanPicker} from "./span_picker";
import {TopicChart} from "./topic_chart";
import {TopicHistory} from "./topic_history";
import {TopicValue} from "./topic_value";

const VALUE_PERIOD = 500; // milliseconds between two readings of the value
const HISTORY_PERIOD = 2000; // of its history
const MAX_SERIES = 8; // in the chart

/** Everything about one topic: what it says now, what it said, and to say something. */
export class TopicPane extends Component {
    static template = "mqtt_listener.TopicPane";
    static components = {
        CopyButton,
        PublishHere,
        SpanPicker,
        TopicChart,
        TopicHistory,
        TopicValue,
    };
    static props = {
        serviceId: Number,
        topic: String,
        tick: Number, // whenever it changes there may be something new
        onPathPicked: {type: Function, optional: true}, // called with a JSONPath
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.dialog = useService("dialog");
        this.target = {serviceId: this.props.serviceId, topic: this.props.topic};
        this.state = useState({...this.initialState(), span: FIRST_SPAN});
        this.valuePace = usePace(() => this.readValue(), VALUE_PERIOD);
        this.historyPace = usePace(() => this.readHistory(), HISTORY_PERIOD);
        onWillStart(() => this.refresh());
        onWillUpdateProps((props) => this.onNewProps(props));
    }

    initialState() {
        return {
            data: null, // as `topic_value` returns it
            history: null, // as `topic_history` returns it
            chart: null, // as `topic_chart` returns it
            messageId: false, // whose value is shown; false: the newest
            path: undefined, // that is picked in the value
            paths: null, // of the series in the chart; null: nobody has chosen
        };
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

    /** Calls a method of the service; undefined when its topic is not shown any more. */
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
        const {history, paths, span} = this.state;
        const isFirst = !history;
        const [rows, chart] = await Promise.all([
            this.call("topic_history", isFirst, span),
            this.call("topic_chart", isFirst, span, paths),
        ]);
        const isAsked = span === this.state.span && paths === this.state.paths;
        if (rows && chart && isAsked) {
            Object.assign(this.state, {history: rows, chart});
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

    get retainedText() {
        const {now, retained} = this.state.data;
        if (!retained) {
            return _t("No message of this topic was marked as retained so far.");
        }
        const age = describeAge(now - retained.time);
        if (retained.is_empty) {
            return _t(
                "An empty message came %s: if it was retained, the broker keeps none.",
                age
            );
        }
        return _t("The broker kept this one, %(age)s: %(preview)s", {
            age,
            preview: retained.preview,
        });
    }

    /** @param {Number|Boolean} messageId false: the newest, whichever that is */
    show(messageId) {
        this.state.messageId = messageId;
        return this.valuePace.run();
    }

    /** @param {Number|Array} span as `SpanPicker` has it */
    setSpan(span) {
        this.state.span = span;
        return this.historyPace.run();
    }

    get shownPaths() {
        return this.state.chart.series.map(({path}) => path);
    }

    toggleSeries(path) {
        const shown = this.shownPaths;
        const without = shown.filter((one) => one !== path);
        const isShown = without.length < shown.length;
        this.setPaths(isShown ? without : [...shown, path]);
    }

    setPaths(paths) {
        this.state.paths = paths.slice(-MAX_SERIES);
        return this.historyPace.run();
    }

    /** @param {Object} line of the value, with a `path` */
    pickLine({number: isNumber, path}) {
        this.state.path = path;
        if (isNumber && this.state.chart && !this.shownPaths.includes(path)) {
            this.setPaths([...this.shownPaths, path]);
        }
        this.props.onPathPicked?.(path);
    }

    /** Buttons beside a path: pairs of name and action. */
    get pathActions() {
        const {data, path} = this.state;
        return pathActions
            .getEntries()
            .filter(([, {isShown}]) => !isShown || isShown({data, path}));
    }

    runPathAction({run}) {
        const {serviceId, topic} = this.props;
        const messageId = this.message.id;
        return run(this.env, {serviceId, topic, messageId, path: this.state.path});
    }

    openMessage() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mqtt.signal.history",
            res_id: this.message.id,
            views: [[false, "form"]],
        });
    }

    openMessages() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Messages"),
            res_model: "mqtt.signal.history",
            domain: [
                ["service_id", "=", this.props.serviceId],
                ["topic", "=", this.props.topic],
            ],
            views: [
                [false, "list"],
                [false, "form"],
            ],
        });
    }

    openHandler(handlerId) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mqtt.handler",
            res_id: handlerId,
            views: [[false, "form"]],
        });
    }

    makeHandler() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mqtt.handler",
            views: [[false, "form"]],
            context: {
                default_pattern: this.props.topic,
                default_service_id: this.props.serviceId,
            },
        });
    }

    /** @param {String} kind csv or jsonl */
    downloadUrl(kind) {
        const {begin, end} = this.state.chart;
        const query = new URLSearchParams({topic: this.props.topic, begin, end});
        const path = `/mqtt_listener/topic/${this.props.serviceId}/messages.${kind}`;
        return `${path}?${query}`;
    }

    clearRetained() {
        this.dialog.add(ConfirmationDialog, {
            title: _t("Clear retained message"),
            body: _t(
                "An empty retained message is published to %s. The broker discards the message that it keeps, and devices that subscribe later do not receive it any more.",
                this.props.topic
            ),
            confirmLabel: _t("Clear"),
            confirm: async () => {
                await this.orm.call(
                    "mqtt.service",
                    "topic_publish",
                    [[this.props.serviceId], this.props.topic, ""],
                    {retain: true}
                );
                await this.refresh();
            },
            cancel: () => {},
        });
    }
}
