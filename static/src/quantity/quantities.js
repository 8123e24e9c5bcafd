import {_t} from "@web/core/l10n/translation";
import {formatFloat} from "@web/views/fields/formatters";
import {parseFloat} from "@web/views/fields/parsers";

const TIMES = [
    {size: 86400, name: "days", accepted: ["d", "day"]},
    {size: 3600, name: "hours", accepted: ["h", "hr", "hour"]},
    {size: 60, name: "minutes", accepted: ["m", "min", "minute"]},
    {size: 1, name: "seconds", accepted: ["s", "sec", "second"]},
];
const SIZES = [
    {size: 1024 ** 3, name: "GiB", accepted: ["g", "gb"]},
    {size: 1024 ** 2, name: "MiB", accepted: ["m", "mb"]},
    {size: 1024, name: "KiB", accepted: ["k", "kb"]},
    {size: 1, name: "bytes", accepted: ["b", "byte"]},
];
const UNITS = {
    bytes: SIZES,
    days: [{size: 1, name: "days", accepted: TIMES[0].accepted}],
    seconds: TIMES,
};

function describeIn(count, {name}) {
    if (TIMES.some((unit) => unit.name === name)) {
        return luxon.Duration.fromObject({[name]: count}).toHuman({
            unitDisplay: "short",
        });
    }
    const digits = Number.isInteger(count) ? 0 : 2;
    const number = formatFloat(count, {digits: [16, digits]});
    return `${number} ${name === "bytes" ? _t("bytes") : name}`;
}

function normalize(name) {
    return name.trim().replace(/\.$/, "").toLowerCase();
}

/** In English, and as it is shown in the user's language for one and for several. */
function names(unit) {
    const shown = [1, 2].map((count) => describeIn(count, unit).replace(/^\d+\s*/, ""));
    return [unit.name, ...unit.accepted, ...shown].map(normalize);
}

/**
 * @param {Number} value in the smallest unit of its kind
 * @param {String} kind `bytes`, `days` or `seconds`
 * @returns {String} in the largest unit in which it is a whole number, such as "7 days"
 */
export function describeQuantity(value, kind) {
    const units = UNITS[kind];
    const isWhole = ({size}) => value >= size && value % size === 0;
    const unit = units.find(isWhole) || units[units.length - 1];
    return describeIn(value / unit.size, unit);
}

/**
 * @param {String} text a number, with a unit or without one
 * @param {String} kind `bytes`, `days` or `seconds`; a number alone is in these
 * @returns {Number} in the smallest unit of its kind
 * @throws when that is none
 */
export function parseQuantity(text, kind) {
    const [, number, name] = text.trim().match(/^(.*?\d)\s*(\D*)$/) || [];
    if (number === undefined) {
        throw new Error("no number");
    }
    const count = parseFloat(number);
    const units = UNITS[kind];
    const unit = name
        ? units.find((one) => names(one).includes(normalize(name)))
        : units[units.length - 1];
    if (!unit) {
        throw new Error("no such unit");
    }
    return Number((count * unit.size).toFixed(3));
}
