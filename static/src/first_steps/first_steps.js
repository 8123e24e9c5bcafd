import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useService} from "@web/core/utils/hooks";
import {BrokerStep} from "./broker_step";
import {ListenStep} from "./listen_step";
import {MessageStep} from "./message_step";

/** The guide from the address of a broker to its first message. */
export class FirstSteps extends Component {
    static template = "mqtt_listener.FirstSteps";
    static components = {BrokerStep, ListenStep, MessageStep};
    static props = {
        isManager: Boolean,
        onBegun: {type: Function, optional: true}, // when a broker has answered
        onDone: Function,
    };

    setup() {
        this.action = useService("action");
        // What was typed, the password too, is here alone until the service is created.
        this.state = useState({
            typed: {address: "", username: "", password: ""},
            values: null,
            filters: [],
            serviceId: null,
        });
    }

    get steps() {
        const {serviceId, values} = this.state;
        return [
            {name: "broker", title: _t("Broker"), isNow: !values, isDone: values},
            {
                name: "listen",
                title: _t("Listen"),
                isNow: values && !serviceId,
                isDone: serviceId,
            },
            {
                name: "message",
                title: _t("First message"),
                isNow: serviceId,
                isDone: false,
            },
        ];
    }

    get broker() {
        const {host, port, tls, transport} = this.state.values;
        const kinds = [
            transport === "websockets" ? _t("WebSockets") : "",
            tls ? _t("TLS") : _t("not encrypted"),
        ];
        return `${host}:${port} (${kinds.filter(Boolean).join(", ")})`;
    }

    onConnected(values) {
        this.state.values = values;
        this.props.onBegun?.();
    }

    onReceiving(serviceId, filters) {
        Object.assign(this.state, {filters, serviceId});
        this.state.typed.password = this.state.values.password = "";
    }

    configureByHand() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mqtt.service",
            views: [[false, "form"]],
        });
    }
}
