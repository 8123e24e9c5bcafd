import {Component, onMounted, onPatched, useRef} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useVirtualGrid} from "@web/core/virtual_grid_hook";
import {formatFloat, formatInteger} from "@web/views/fields/formatters";
import {describeSeconds} from "../overview/durations";
import {asOf} from "./as_of";

const LINE_HEIGHT = 34; // pixels, as in the style sheet
const SMALL_LINE_HEIGHT = 52;
const JUST_NOW = 2; // seconds
const DIGITS_BELOW = 10; // messages a second from which decimals say nothing
const END_CHARS = 12; // of a name that is too long: they stay when it is cut

/** The lines of the topic tree: those on the screen, and what keys and clicks do. */
export class TopicList extends Component {
    static template = "mqtt_listener.TopicList";
    static props = {
        active: {type: String, optional: true}, // key of the line that keys act on
        isSmall: Boolean,
        lines: Array, // of `TopicTree`
        now: Number, // seconds since 1970, by the server's clock
        onActive: Function, // called with a line
        onMore: Function,
        onSelect: Function,
        onShown: Function, // called with the lines on the screen
        onToggle: Function,
        selected: {type: String, optional: true}, // service and topic of the pane
    };

    setup() {
        this.root = useRef("root");
        this.screen = {lines: []}; // an object: templates cannot set a member of this
        this.grid = useVirtualGrid({scrollableRef: this.root, bufferCoef: 0.25});
        onMounted(() => this.tellShown());
        onPatched(() => this.tellShown());
    }

    get lineHeight() {
        return this.props.isSmall ? SMALL_LINE_HEIGHT : LINE_HEIGHT;
    }

    /** The lines that are drawn, and how much room those above and below them take. */
    get drawn() {
        const {lines} = this.props;
        this.grid.setRowsHeights(lines.map(() => this.lineHeight));
        const [start = 0, end = -1] = this.grid.rowsIndexes;
        this.screen.lines = lines.slice(start, end + 1);
        return {
            above: start * this.lineHeight,
            below: (lines.length - end - 1) * this.lineHeight,
            lines: this.screen.lines,
        };
    }

    tellShown() {
        this.props.onShown(this.screen.lines);
    }

    id(line) {
        return line && `o_mqtt_line_${this.props.lines.indexOf(line)}`;
    }

    get active() {
        return this.props.lines.find(({key}) => key === this.props.active);
    }

    isSelected({service, topic}) {
        return topic !== undefined && this.props.selected === `${service.id} ${topic}`;
    }

    /** A name in two parts, of which the second is not cut: ends differ most. */
    parts({kind, name}) {
        const end = kind === "pin" ? name.lastIndexOf("/") : name.length - END_CHARS;
        return end > END_CHARS || (kind === "pin" && end > 0)
            ? [name.slice(0, end), name.slice(end)]
            : ["", name];
    }

    value({isTopic, size, value}) {
        if (!isTopic) {
            return "";
        }
        if (size === null) {
            return _t("removed");
        }
        if (value === "") {
            return _t("empty");
        }
        return value ?? _t("%s bytes", formatInteger(size));
    }

    isRemark({size, value}) {
        return size === null || !value;
    }

    topics({topics}) {
        if (topics === undefined) {
            return "";
        }
        return topics === 1 ? _t("1 topic") : _t("%s topics", formatInteger(topics));
    }

    moreText({canShowMore, left}) {
        return canShowMore
            ? _t("Show more: %s", formatInteger(left))
            : _t("%s more are not shown: search for them.", formatInteger(left));
    }

    stateText({service}) {
        const {is_live: isLive, state_label: label} = service;
        return isLive ? label : `${label}, ${asOf(service, this.props.now)}`;
    }

    age({time}) {
        if (!time) {
            return "";
        }
        const seconds = this.props.now - time;
        return seconds < JUST_NOW ? _t("now") : describeSeconds(seconds);
    }

    count({messages}) {
        return messages === undefined ? "" : formatInteger(messages);
    }

    rate({rate, service}) {
        if (!service.is_live || !rate || rate < 0.05) {
            return "";
        }
        const digits = rate < DIGITS_BELOW ? 1 : 0;
        return _t("%s/s", formatFloat(rate, {digits: [16, digits]}));
    }

    onClick(line) {
        this.props.onActive(line);
        if (line.kind === "more") {
            this.props.onMore(line);
        } else if (line.kind === "service") {
            this.props.onToggle(line);
        } else if (line.topic !== undefined) {
            this.props.onSelect(line);
        }
    }

    onFold(line) {
        this.props.onActive(line);
        if (line.isBranch) {
            this.props.onToggle(line);
        } else {
            this.onClick(line);
        }
    }

    onKeydown(ev) {
        const {lines} = this.props;
        const {active} = this;
        const at = lines.indexOf(active);
        const keys = {
            ArrowDown: () => this.activate(lines[at + 1]),
            ArrowUp: () => this.activate(lines[at - 1]),
            Home: () => this.activate(lines[0]),
            End: () => this.activate(lines.at(-1)),
            ArrowRight: () => this.onRight(active, lines[at + 1]),
            ArrowLeft: () => this.onLeft(active),
            Enter: () => active && this.onClick(active),
            " ": () => active && this.onClick(active),
        };
        if (keys[ev.key] && !ev.ctrlKey && !ev.altKey && !ev.metaKey) {
            ev.preventDefault();
            keys[ev.key]();
        }
    }

    onRight(active, next) {
        if (active?.isBranch && !active.isOpen) {
            this.props.onToggle(active);
        } else if (active?.isOpen) {
            this.activate(next);
        }
    }

    onLeft(active) {
        if (active?.isOpen) {
            this.props.onToggle(active);
        } else if (active?.parent) {
            this.activate(this.props.lines.find(({key}) => key === active.parent));
        }
    }

    onFocus() {
        if (!this.active && this.props.lines.length) {
            this.props.onActive(this.props.lines[0]);
        }
    }

    activate(line) {
        if (!line || line.kind === "reading") {
            return; // there is none, or it will be another one
        }
        const top = this.props.lines.indexOf(line) * this.lineHeight;
        const {el} = this.root;
        if (top < el.scrollTop) {
            el.scrollTop = top;
        } else if (top + this.lineHeight > el.scrollTop + el.clientHeight) {
            el.scrollTop = top + this.lineHeight - el.clientHeight;
        }
        this.props.onActive(line);
    }
}
