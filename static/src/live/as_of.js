import {_t} from "@web/core/l10n/translation";

/**
 * @param {Object} service that receives nothing
 * @param {Number} now seconds since 1970, by the server's clock
 * @returns {String} since when nothing new has come
 */
export function asOf({last_message: time}, now) {
    if (!time) {
        return _t("nothing received yet");
    }
    const {DateTime} = luxon;
    const last = DateTime.fromSeconds(time);
    const format = last.hasSame(DateTime.fromSeconds(now), "day")
        ? DateTime.TIME_WITH_SECONDS
        : DateTime.DATETIME_SHORT_WITH_SECONDS;
    return _t("as of %s", last.toLocaleString(format));
}
