import {Component, useRef, useState} from "@odoo/owl";
import {useAutofocus, useService} from "@web/core/utils/hooks";
import {describeRefusal} from "./refusal";

/** The first step: where the broker is, tried before anything is stored. */
export class BrokerStep extends Component {
    static template = "mqtt_listener.FirstSteps.Broker";
    static props = {
        onConnected: Function, // with what `first_steps_connect` returns as values
        typed: Object, // address, username, password; kept where the step is
    };

    setup() {
        this.orm = useService("orm");
        this.typed = useState(this.props.typed);
        this.state = useState({isBusy: false, refusal: "", tried: null});
        useAutofocus({refName: "address"});
        this.username = useRef("username");
    }

    async connect() {
        const {address, username, password} = this.typed;
        Object.assign(this.state, {isBusy: true, refusal: "", tried: null});
        try {
            const tried = await this.orm.call("mqtt.service", "first_steps_connect", [
                address,
                username,
                password,
            ]);
            this.showLogin(tried.values);
            this.state.tried = tried;
            if (tried.is_successful) {
                this.props.onConnected(tried.values);
            } else if (tried.asks_login) {
                this.username.el.focus();
            }
        } catch (error) {
            this.state.refusal = describeRefusal(error);
        } finally {
            this.state.isBusy = false;
        }
    }

    /** A login that was pasted with the address goes to where nobody reads it. */
    showLogin({username = "", password = ""}) {
        Object.assign(this.typed, {
            address: this.typed.address.replace(/^(\s*\w+:\/\/)?[^/]*@/, "$1"),
            username,
            password,
        });
    }
}
