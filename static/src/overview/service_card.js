import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useService} from "@web/core/utils/hooks";
import {formatFloat, formatInteger} from "@web/views/fields/formatters";
import {describeSeconds} from "./durations";
import {Sparkline} from "./sparkline";

const JUST_NOW = 5; // seconds, between two readings
const DIGITS_BELOW = 10; // messages a second from which decimals say nothing

/** One service on the overview: what it is doing, and whether it keeps up. */
export class ServiceCard extends Component {
    static template = "mqtt_listener.ServiceCard";
    static components = {Sparkline};
    static props = {
        amberSeconds: Number,
        history: {type: Array, element: Number}, // messages a second, oldest first
        isOperator: Boolean,
        now: Number, // seconds since 1970, by the server's clock
        onChanged: Function,
        rate: {type: Number, optional: true}, // messages a second
        redSeconds: Number,
        service: Object, // as `overview_data` returns it
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({isBusy: false});
    }

    get rate() {
        const {rate} = this.props;
        if (rate === undefined) {
            return "–";
        }
        const digits = rate && rate < DIGITS_BELOW ? 1 : 0;
        return formatFloat(rate, {digits: [16, digits]});
    }

    get sparklineLabel() {
        const highest = formatInteger(Math.round(Math.max(...this.props.history, 0)));
        return _t("Messages a second in the last minutes, at most %s", highest);
    }

    get lastMessage() {
        const {now, service} = this.props;
        if (!service.last_message) {
            return _t("none yet");
        }
        if (now - service.last_message < JUST_NOW) {
            return _t("just now"); // or ahead: a listener may be on another host
        }
        const base = luxon.DateTime.fromSeconds(now);
        return luxon.DateTime.fromSeconds(service.last_message).toRelative({base});
    }

    get figures() {
        const {service} = this.props;
        return [
            {name: "last_message", label: _t("Last message"), value: this.lastMessage},
            {
                name: "to_store",
                label: _t("Waiting to be stored"),
                value: formatInteger(service.to_store),
            },
            {
                name: "to_handle",
                label: _t("Waiting to be handled"),
                value: formatInteger(service.to_handle),
            },
            {
                name: "oldest",
                label: _t("Oldest has waited"),
                value: service.oldest >= 1 ? describeSeconds(service.oldest) : "–",
                level: this.ageLevel,
            },
            {
                name: "failed",
                label: _t("Failed"),
                value: formatInteger(service.failed),
                level: service.failed ? "danger" : "",
            },
        ];
    }

    get ageLevel() {
        const {amberSeconds, redSeconds, service} = this.props;
        if (service.oldest > redSeconds) {
            return "danger";
        }
        return service.oldest > amberSeconds ? "warning" : "";
    }

    /** The state as a colour; it is said in words beside it. */
    get stateLevel() {
        const levels = {
            running: "success",
            connecting: "info",
            unreachable: "danger",
            stopped: "muted",
            idle: "warning",
            behind: this.ageLevel || "warning",
        };
        return levels[this.props.service.state];
    }

    async command(method) {
        this.state.isBusy = true;
        try {
            await this.orm.call("mqtt.service", method, [[this.props.service.id]]);
        } finally {
            this.state.isBusy = false;
            this.props.onChanged();
        }
    }

    open() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mqtt.service",
            res_id: this.props.service.id,
            views: [[false, "form"]],
        });
    }
}
