import {Component, useEffect, useRef} from "@odoo/owl";
import {CopyButton} from "@web/core/copy_button/copy_button";
import {_t} from "@web/core/l10n/translation";
import {formatInteger} from "@web/views/fields/formatters";
import {describeAge, describeMoment} from "./moments";

/** What a topic says in one message: each line with the path of its value. */
export class TopicValue extends Component {
    static template = "mqtt_listener.TopicValue";
    static components = {CopyButton};
    static props = {
        message: Object, // as `topic_value` returns it
        now: Number, // seconds since 1970, by the server's clock
        onPicked: Function, // called with the line of a path
        path: {type: String, optional: true}, // the one that is picked
    };

    setup() {
        this.list = useRef("list");
        useEffect(
            () => {
                const picked = this.list.el?.querySelector("[aria-selected=true]");
                picked?.scrollIntoView({block: "nearest"});
            },
            () => [this.props.path]
        );
    }

    get text() {
        return this.props.message.lines.map(({text}) => text).join("\n");
    }

    get moment() {
        return describeMoment(this.props.message.time);
    }

    get age() {
        return describeAge(this.props.now - this.props.message.time);
    }

    get size() {
        return _t("%s bytes", formatInteger(this.props.message.size));
    }

    get facts() {
        const {direction, dup, kind_label: kind, qos, retain} = this.props.message;
        return [
            direction === "send" ? _t("Sent") : _t("Received"),
            kind,
            this.size,
            qos,
            ...(retain ? [_t("Retained")] : []),
            ...(dup ? [_t("Redelivered")] : []),
        ];
    }

    get more() {
        return formatInteger(this.props.message.more_lines);
    }

    get hasPaths() {
        return this.props.message.kind === "json";
    }

    pick(line) {
        if (line.path) {
            this.props.onPicked(line);
        }
    }

    /** Up and down go from line to line, as in every list. */
    onKeydown(event) {
        const {lines} = this.props.message;
        const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
        if (!step || !this.hasPaths) {
            return;
        }
        event.preventDefault();
        const isNext = ({path}) => path && path !== this.props.path;
        const at = lines.findIndex(({path}) => path === this.props.path);
        const ahead = step > 0 ? lines.slice(at + 1) : lines.slice(0, at).reverse();
        const next = ahead.find(isNext);
        if (next) {
            this.pick(next);
        }
    }
}
