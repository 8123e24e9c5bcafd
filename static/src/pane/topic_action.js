import {Component, useState} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {Layout} from "@web/search/layout";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {useFreshData} from "../overview/fresh_data";
import {TopicPane} from "./topic_pane";

/** The pane of a topic as a page of its own: `params` are `service_id` and `topic`. */
export class TopicAction extends Component {
    static template = "mqtt_listener.TopicAction";
    static components = {Layout, TopicPane};
    static props = {...standardActionServiceProps};
    static path = "mqtt-topic";

    setup() {
        this.display = {controlPanel: {}};
        const {service_id: serviceId, topic} = this.props.action.params;
        this.serviceId = Number(serviceId);
        this.topic = String(topic);
        this.state = useState({tick: 0});
        this.env.config.setDisplayName(this.topic);
        // So that the page can be reloaded, and its address passed on.
        this.props.updateActionState?.({service_id: this.serviceId, topic: this.topic});
        useFreshData(async () => {
            this.state.tick += 1;
        });
    }
}

registry.category("actions").add("mqtt_listener.topic", TopicAction);
