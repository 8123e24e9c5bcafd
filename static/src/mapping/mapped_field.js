import {registry} from "@web/core/registry";
import {
    FieldSelectorField,
    fieldSelectorField,
} from "@web/views/fields/field_selector/field_selector_field";

/** Types of fields that a mapping may write; see models/mapping/targets.py. */
export const VALUE_TYPES = [
    "char",
    "text",
    "integer",
    "float",
    "monetary",
    "boolean",
    "selection",
    "date",
    "datetime",
    "many2one",
];
export const KEY_TYPES = ["char", "integer", "selection", "many2one"];
const OWN_FIELDS = ["id", "create_uid", "create_date", "write_uid", "write_date"];

/**
 * @param {Object} field as fields_get describes it
 * @param {string[]} types
 * @returns {Boolean} whether a mapping can use the field
 */
export function isMappable(field, types) {
    return types.includes(field.type) && !OWN_FIELDS.includes(field.name);
}

/** Choose a field among those that a mapping can use. */
export class MappedField extends FieldSelectorField {
    static props = {...FieldSelectorField.props, types: {type: Array, optional: true}};

    filter(field) {
        const isKey = this.props.record.data.part === "key";
        const types = this.props.types || (isKey ? KEY_TYPES : VALUE_TYPES);
        return isMappable(field, types);
    }
}

registry.category("fields").add("mqtt_mapped_field", {
    ...fieldSelectorField,
    component: MappedField,
    extractProps(info, dynamicInfo) {
        const props = fieldSelectorField.extractProps(info, dynamicInfo);
        return {...props, types: info.options.types};
    },
});
