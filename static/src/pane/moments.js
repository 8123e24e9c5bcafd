import {_t} from "@web/core/l10n/translation";
import {describeSeconds} from "../overview/durations";

/**
 * @param {Number} seconds since 1970
 * @returns {String} date and time with milliseconds, in the user's zone
 */
export function describeMoment(seconds) {
    const {DATETIME_SHORT_WITH_SECONDS} = luxon.DateTime;
    return luxon.DateTime.fromMillis(seconds * 1000).toLocaleString({
        ...DATETIME_SHORT_WITH_SECONDS,
        fractionalSecondDigits: 3,
    });
}

/**
 * @param {Number} seconds that something is old
 * @returns {String} such as "5 min ago"
 */
export function describeAge(seconds) {
    // Clocks of a listener's host and of the server differ a little.
    return seconds < 1 ? _t("just now") : _t("%s ago", describeSeconds(seconds));
}
