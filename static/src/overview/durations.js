const UNITS = [
    {unit: "seconds", size: 1, end: 90},
    {unit: "minutes", size: 60, end: 90 * 60},
    {unit: "hours", size: 3600, end: 36 * 3600},
    {unit: "days", size: 86400, end: Infinity},
];

/**
 * @param {Number} seconds
 * @returns {String} in one unit and the user's language, such as "5 min"
 */
export function describeSeconds(seconds) {
    const {unit, size} = UNITS.find(({end}) => seconds < end);
    const count = Math.round(seconds / size);
    return luxon.Duration.fromObject({[unit]: count}).toHuman({unitDisplay: "short"});
}
