// Blanks, and then a mark, a string or another value.
const TOKEN =
    /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/y;
const BLANKS = /[ \t\n\r]*/y;

// Where each token leads that may stand somewhere.
const VALUE = {"{": "first name", "[": "first value", string: "after", other: "after"};
const GRAMMAR = {
    value: VALUE,
    "first value": {...VALUE, "]": "closed"},
    name: {string: "colon"},
    "first name": {string: "colon", "}": "closed"},
    colon: {":": "value"},
    "after in [": {",": "value", "]": "closed"},
    "after in {": {",": "name", "}": "closed"},
};

function matchAt(pattern, text, at) {
    pattern.lastIndex = at;
    return pattern.exec(text);
}

function kindOf([, mark, string]) {
    if (string) {
        // RFC 8259 section 7: control characters must be escaped
        return [...string].some((char) => char < " ") ? "bad string" : "string";
    }
    return mark || "other";
}

/**
 * @param {String} text that is to be JSON (RFC 8259)
 * @returns {Number|undefined} of the first character with which it is not
 */
function findError(text) {
    const open = [];
    let place = "value";
    let at = 0;
    const skipBlanks = () => at + matchAt(BLANKS, text, at)[0].length;
    while (place !== "end") {
        const token = matchAt(TOKEN, text, at);
        const kind = token && kindOf(token);
        place = GRAMMAR[place][kind];
        if (!place) {
            return skipBlanks();
        }
        if (kind === "{" || kind === "[") {
            open.push(kind);
        } else if (place === "closed") {
            open.pop();
        }
        if (place === "after" || place === "closed") {
            place = open.length ? `after in ${open.at(-1)}` : "end";
        }
        at += token[0].length;
    }
    return skipBlanks() < text.length ? skipBlanks() : undefined;
}

/**
 * What a payload is that somebody types.
 *
 * @param {String} text
 * @returns {Object} `kind`: empty, json, text, or broken for what begins as JSON and is
 *   not; then `line` and `column`, from 1
 */
export function checkJson(text) {
    if (!text.trim()) {
        return {kind: "empty"};
    }
    const at = findError(text);
    if (at === undefined) {
        return {kind: "json"};
    }
    if (!/^[ \t\n\r]*[{["]/.test(text)) {
        return {kind: "text"};
    }
    const before = text.slice(0, at).split("\n");
    return {kind: "broken", line: before.length, column: before.at(-1).length + 1};
}
