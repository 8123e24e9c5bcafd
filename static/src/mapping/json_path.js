const SHORT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * @param {String} path of a parent, `$` for the whole document
 * @param {String|Number} step a name of an object or an index of a list
 * @returns {String} the path one step further (RFC 9535), as path_of in mqtt/json_path.py
 */
export function pathTo(path, step) {
    if (typeof step === "number") {
        return `${path}[${step}]`;
    }
    if (SHORT_NAME.test(step)) {
        return `${path}.${step}`;
    }
    const quoted = JSON.stringify(step).slice(1, -1);
    return `${path}['${quoted.replaceAll('\\"', '"').replaceAll("'", "\\'")}']`;
}

/**
 * @param {Object} document a value that was JSON
 * @param {Number} limit of values
 * @returns {{values: Object[], isCut: Boolean}} its values that are no list and no
 *     object: path, the text that names it, and the value
 */
export function leaves(document, limit) {
    const values = [];
    let isCut = false;
    const waiting = [{path: "$", name: "", value: document}];
    while (waiting.length && values.length < limit) {
        const {path, name, value} = waiting.shift();
        if (value === null || typeof value !== "object") {
            values.push({path, name, value});
            continue;
        }
        const isList = Array.isArray(value);
        isCut ||= Object.keys(value).length > limit;
        const children = Object.entries(value)
            .slice(0, limit)
            .map(([key, child]) => {
                const step = isList ? Number(key) : key;
                const label = isList
                    ? `${name}[${key}]`
                    : name
                      ? `${name}.${key}`
                      : key;
                return {path: pathTo(path, step), name: label, value: child};
            });
        waiting.unshift(...children);
    }
    return {values, isCut: isCut || waiting.length > 0};
}

/**
 * @param {Number} number a time
 * @returns {String} since 1970 in what, judged by its size: a value of time_format
 */
export function epochUnit(number) {
    const size = Math.abs(number);
    return size > 1e17 ? "ns" : size > 1e14 ? "us" : size > 1e11 ? "ms" : "s";
}
