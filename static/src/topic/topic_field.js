import {Component, xml} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/**
 * A topic in one line, however narrow: what is cut is the middle, since topics of one
 * plant begin alike, and the last level says what the message is about.
 */
export class TopicField extends Component {
    static template = xml`
        <span class="o_mqtt_topic" t-att-title="topic">
            <span class="o_mqtt_topic_head" t-out="topic.slice(0, end)" />
            <span class="o_mqtt_topic_tail" t-out="topic.slice(end)" />
        </span>`;
    static props = {...standardFieldProps};

    get topic() {
        return this.props.record.data[this.props.name] || "";
    }

    /** Where the last level begins, with its slash. */
    get end() {
        return Math.max(0, this.topic.lastIndexOf("/"));
    }
}

registry.category("fields").add("mqtt_topic", {
    component: TopicField,
    displayName: _t("Topic, cut in the middle"),
    supportedTypes: ["char"],
});
