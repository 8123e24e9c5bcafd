import {checkJson} from "@mqtt_listener/pane/json_check";
import {expect, test} from "@odoo/hoot";

test("what is typed: JSON, text, or where it is not JSON", () => {
    for (const text of ["", " \n"]) {
        expect(checkJson(text)).toEqual({kind: "empty"});
    }
    for (const text of ["1", " -1.5e3 ", "true", '"a\\u00e4"', "[]", '{"a":[1,{}]}']) {
        expect(checkJson(text)).toEqual({kind: "json"});
        expect(() => JSON.parse(text)).not.toThrow();
    }
    for (const text of ["on", "NaN", "1.", "01", "+1", "1 2", "trueish", "-"]) {
        expect(checkJson(text)).toEqual({kind: "text"});
    }
    const broken = {
        '{"a": 1,}': [1, 9],
        "[1,\n 2,\n x]": [3, 2],
        '{"a" 1}': [1, 6],
        "{": [1, 2],
        "[1}": [1, 3],
        "[1] 2": [1, 5],
        '"a': [1, 1],
        "[NaN]": [1, 2],
        "[01]": [1, 2],
    };
    for (const [text, [line, column]] of Object.entries(broken)) {
        expect(checkJson(text)).toEqual({kind: "broken", line, column});
        expect(() => JSON.parse(text)).toThrow();
    }
});
