import {epochUnit, leaves, pathTo} from "@mqtt_listener/mapping/json_path";
import {describe, expect, test} from "@odoo/hoot";

describe.current.tags("headless");

test("a path is as mqtt/json_path.py writes it", () => {
    for (const [step, path] of [
        ["temp", "$.temp"],
        [0, "$[0]"],
        ["motor temp", "$['motor temp']"],
        ["0", "$['0']"],
        ["it's", "$['it\\'s']"],
        ['a "b"', "$['a \"b\"']"],
        ["a\\b\n", "$['a\\\\b\\n']"],
        ["é", "$['é']"],
        ["", "$['']"],
    ]) {
        expect(pathTo("$", step)).toBe(path);
    }
});

test("values are found in their order, with the names that people know", () => {
    const document = {a: {b: [1, null]}, c: false, d: {}};
    const {values, isCut} = leaves(document, 10);
    expect(values.map(({path, name, value}) => [path, name, value])).toEqual([
        ["$.a.b[0]", "a.b[0]", 1],
        ["$.a.b[1]", "a.b[1]", null],
        ["$.c", "c", false],
    ]);
    expect(isCut).toBe(false);
    expect(leaves(21.5, 10).values).toEqual([{path: "$", name: "", value: 21.5}]);
});

test("a large document is cut", () => {
    const {values, isCut} = leaves(Array(100_000).fill({a: 1}), 200);
    expect(values.length).toBe(200);
    expect(isCut).toBe(true);
});

test("the unit of a time is judged by its size", () => {
    for (const [number, unit] of [
        [1782907200, "s"],
        [1782907200000, "ms"],
        [1782907200000000, "us"],
        [1782907200000000000, "ns"],
        [0, "s"],
    ]) {
        expect(epochUnit(number)).toBe(unit);
    }
});
