import {Component, xml} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

const ARROWS = {receive: "fa-arrow-down text-info", send: "fa-arrow-up text-success"};

/** Whether a message was received or sent, as an arrow that says so in words, too. */
export class DirectionField extends Component {
    static template = xml`
        <i t-if="arrow" t-attf-class="fa {{arrow}}" role="img" t-att-title="label" t-att-aria-label="label" />`;
    static props = {...standardFieldProps};

    get value() {
        return this.props.record.data[this.props.name];
    }

    get arrow() {
        return ARROWS[this.value];
    }

    get label() {
        const {selection} = this.props.record.fields[this.props.name];
        return (selection.find(([value]) => value === this.value) || [])[1];
    }
}

registry.category("fields").add("mqtt_direction", {
    component: DirectionField,
    displayName: _t("Direction, as an arrow"),
    supportedTypes: ["selection"],
    listViewWidth: 30,
});
