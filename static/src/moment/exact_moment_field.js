import {formatDateTime} from "@web/core/l10n/dates";
import {localization} from "@web/core/l10n/localization";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {MomentField} from "./moment_field";

/** A time to the millisecond; of today only the time, since the day is known. */
export class ExactMomentField extends MomentField {
    get text() {
        const {[this.props.name]: moment, milliseconds} = this.props.record.data;
        if (!moment) {
            return "";
        }
        const {dateFormat, timeFormat} = localization;
        const time = timeFormat.replace("ss", "ss.SSS");
        const isToday = moment.hasSame(luxon.DateTime.now(), "day");
        return formatDateTime(moment.set({millisecond: milliseconds || 0}), {
            format: isToday ? time : `${dateFormat} ${time}`,
        });
    }
}

registry.category("fields").add("mqtt_exact_moment", {
    component: ExactMomentField,
    displayName: _t("Time, to the millisecond"),
    supportedTypes: ["datetime"],
    fieldDependencies: [{name: "milliseconds", type: "integer"}],
    listViewWidth: 130,
});
