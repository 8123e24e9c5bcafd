import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useInputField} from "@web/views/fields/input_field_hook";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {describeQuantity, parseQuantity} from "./quantities";

/** A number of bytes, seconds or days, shown and typed in the unit that suits it. */
export class QuantityField extends Component {
    static template = "mqtt_listener.QuantityField";
    static props = {...standardFieldProps, kind: String};

    setup() {
        useInputField({
            getValue: () => this.text,
            parse: (text) => this.parse(text),
            refName: "input",
        });
    }

    get text() {
        const {kind, name, record} = this.props;
        return describeQuantity(record.data[name], kind);
    }

    parse(text) {
        const {kind, name, record} = this.props;
        const value = parseQuantity(text, kind);
        return record.fields[name].type === "integer" ? Math.round(value) : value;
    }
}

registry.category("fields").add("mqtt_quantity", {
    component: QuantityField,
    displayName: _t("Quantity with Unit"),
    supportedTypes: ["float", "integer"],
    extractProps: ({options}) => ({kind: options.kind}),
});
