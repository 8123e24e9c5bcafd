import {Component, useState} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";
import {Layout} from "@web/search/layout";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {useFreshData} from "../overview/fresh_data";
import {TopicPane} from "./topic_pane";

const TITLE_CHARS = 120; // a topic may have 65,535 bytes
const ADDRESS_CHARS = 1000; // of a topic that a server still takes in an address

/** The address has the topic as text; Odoo makes numbers of what looks like one. */
function topicOf({topic}) {
    if (typeof topic === "number") {
        return new URLSearchParams(browser.location.search).get("topic");
    }
    return topic;
}

/** The pane of a topic as a page of its own: `params` are `service_id` and `topic`. */
export class TopicAction extends Component {
    static template = "mqtt_listener.TopicAction";
    static components = {Layout, TopicPane};
    static props = {...standardActionServiceProps};
    static path = "mqtt-topic";

    setup() {
        this.display = {controlPanel: {}};
        const {params} = this.props.action;
        this.serviceId = Number(params.service_id);
        this.topic = topicOf(params);
        this.state = useState({tick: 0});
        if (!this.isTopic) {
            return;
        }
        this.env.config.setDisplayName(this.topic.slice(0, TITLE_CHARS));
        if (this.topic.length <= ADDRESS_CHARS) {
            // So that the page can be reloaded, and its address passed on.
            const {serviceId: service_id, topic} = this;
            this.props.updateActionState?.({service_id, topic});
        }
        useFreshData(async () => {
            this.state.tick += 1;
        });
    }

    /** Somebody may open the path without saying what it is to show. */
    get isTopic() {
        return Boolean(this.serviceId && this.topic);
    }
}

registry.category("actions").add("mqtt_listener.topic", TopicAction);
