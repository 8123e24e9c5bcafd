import {Component, onWillUpdateProps, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useService} from "@web/core/utils/hooks";
import {checkJson} from "./json_check";
import {describeMoment} from "./moments";
import {usePace} from "./pace";

const KEPT = 5; // of the messages that were published from here
const PERIOD = 1000; // milliseconds between two looks at what became of them
const OPEN_STATES = ["queued", "retrying"];

/** A panel that stays open: what is published from it, and what became of it. */
export class PublishHere extends Component {
    static template = "mqtt_listener.PublishHere";
    static props = {
        onPublished: Function,
        serviceId: Number,
        speaks5: Boolean, // the service speaks MQTT 5, which has responses
        topic: String,
    };

    setup() {
        this.orm = useService("orm");
        this.qosLabels = [
            _t("QoS 0, at most once"),
            _t("QoS 1, at least once"),
            _t("QoS 2, exactly once"),
        ];
        this.state = useState({
            topic: this.props.topic,
            payload: "",
            qos: 1,
            retain: false,
            asks: false,
            isBusy: false,
            sent: [],
        });
        this.pace = usePace(() => this.readSent(), PERIOD);
        onWillUpdateProps(({serviceId, topic}) => {
            if (topic !== this.props.topic || serviceId !== this.props.serviceId) {
                this.state.topic = topic;
            }
            if (serviceId !== this.props.serviceId) {
                this.state.sent = [];
            }
        });
    }

    get check() {
        return checkJson(this.state.payload);
    }

    get checkText() {
        const {column, kind, line} = this.check;
        return {
            empty: _t("Empty payload"),
            json: _t("JSON"),
            text: _t("Text"),
            broken: _t("Not JSON: line %(line)s, column %(column)s", {column, line}),
        }[kind];
    }

    describeMoment(seconds) {
        return describeMoment(seconds);
    }

    async publish() {
        const {asks, isBusy, payload, qos, retain, topic} = this.state;
        const {serviceId} = this.props;
        if (isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            const id = await this.orm.call(
                "mqtt.service",
                "topic_publish",
                [[serviceId], topic, payload],
                {qos: Number(qos), retain: retain && !asks, asks}
            );
            const one = {id, topic, payload, time: Date.now() / 1000, isOpen: true};
            this.state.sent = [one, ...this.state.sent].slice(0, KEPT);
        } finally {
            this.state.isBusy = false;
        }
        this.pace.ask();
        this.props.onPublished();
    }

    /** What became of those whose end is not known yet. */
    async readSent() {
        const {sent} = this.state;
        const open = sent.filter(({isOpen}) => isOpen).map(({id}) => id);
        if (!open.length) {
            return;
        }
        let found;
        try {
            found = await this.orm.silent.call("mqtt.service", "topic_published", [
                [this.props.serviceId],
                open,
            ]);
        } catch {
            // The server is away; the next look finds out.
        }
        for (const one of found ? this.state.sent : []) {
            if (open.includes(one.id)) {
                // None of one that history has no more.
                const values = found.find(({id}) => id === one.id);
                Object.assign(one, values, {
                    isOpen:
                        OPEN_STATES.includes(values?.state) ||
                        values?.answer_state === "waiting",
                });
            }
        }
        this.pace.ask();
    }

    /** Puts one that was published into the fields, to be published again. */
    reuse({payload, topic}) {
        Object.assign(this.state, {payload, topic});
    }

    onKeydown(event) {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            if (!event.repeat) {
                this.publish();
            }
        }
    }
}
