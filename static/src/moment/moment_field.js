import {Component, xml} from "@odoo/owl";
import {toLocaleDateTimeString} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/**
 * A time that nobody edits, to the second. Odoo's own field says whenever it is drawn that
 * there is nothing to save, which hides the Save button of whoever types beside it; and
 * these are drawn every few seconds.
 */
export class MomentField extends Component {
    static template = xml`<span t-esc="text" />`;
    static props = {...standardFieldProps};

    get text() {
        const moment = this.props.record.data[this.props.name];
        return moment ? toLocaleDateTimeString(moment, {showSeconds: true}) : "";
    }
}

registry.category("fields").add("mqtt_moment", {
    component: MomentField,
    displayName: _t("Time, to the second"),
    supportedTypes: ["datetime"],
    listViewWidth: 160,
});
