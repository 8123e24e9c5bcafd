import {Component} from "@odoo/owl";
import {useService} from "@web/core/utils/hooks";

/** What an empty database shows: how to come to the first message. */
export class FirstSteps extends Component {
    static template = "mqtt_listener.FirstSteps";
    static props = {isManager: Boolean};

    setup() {
        this.action = useService("action");
    }

    createService() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mqtt.service",
            views: [[false, "form"]],
        });
    }
}
