import {Component, onWillStart} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {user} from "@web/core/user";
import {useService} from "@web/core/utils/hooks";
import {Layout} from "@web/search/layout";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {FirstSteps} from "./first_steps";

/** The guide as a page of its own, for each further broker. */
export class FirstStepsPage extends Component {
    static template = "mqtt_listener.FirstStepsPage";
    static components = {FirstSteps, Layout};
    static props = {...standardActionServiceProps};
    static path = "mqtt-first-steps";
    static displayName = _t("New Service");

    setup() {
        this.action = useService("action");
        this.display = {controlPanel: {}};
        onWillStart(async () => {
            this.isManager = await user.hasGroup("mqtt_listener.group_manager");
        });
    }

    openOverview() {
        return this.action.doAction("mqtt_listener.mqtt_overview_action", {
            clearBreadcrumbs: true,
        });
    }
}

registry.category("actions").add("mqtt_listener.first_steps", FirstStepsPage);
