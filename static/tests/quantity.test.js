import {describeQuantity, parseQuantity} from "@mqtt_listener/quantity/quantities";
import {describe, expect, test} from "@odoo/hoot";
import {
    contains,
    defineModels,
    fields,
    makeMockEnv,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {defineMailModels} from "@mail/../tests/mail_test_helpers";

defineMailModels();
describe.current.tags("desktop");

class Limit extends models.Model {
    seconds = fields.Integer();
    bytes = fields.Integer();
    _records = [{id: 1, seconds: 604800, bytes: 1048576}];
}
defineModels([Limit]);

test("described in the largest unit in which it is whole", async () => {
    await makeMockEnv();
    for (const [value, kind, text] of [
        [604800, "seconds", "7 days"],
        [86400, "seconds", "1 day"],
        [300, "seconds", "5 min"],
        [90, "seconds", "90 sec"],
        [0.5, "seconds", "0.5 sec"],
        [0, "seconds", "0 sec"],
        [1048576, "bytes", "1 MiB"],
        [1536, "bytes", "1,536 bytes"],
        [0, "bytes", "0 bytes"],
        [30, "days", "30 days"],
    ]) {
        expect(describeQuantity(value, kind)).toBe(text);
        expect(parseQuantity(text, kind)).toBe(value);
    }
});

test("typed with a unit or without one", async () => {
    await makeMockEnv();
    for (const [text, kind, value] of [
        ["90", "seconds", 90],
        [" 5 MIN ", "seconds", 300],
        ["1.5 h", "seconds", 5400],
        ["2 hours", "seconds", 7200],
        ["1,000 kb", "bytes", 1024000],
        ["1 g", "bytes", 1073741824],
        ["7d", "days", 7],
    ]) {
        expect(parseQuantity(text, kind)).toBe(value);
    }
    for (const [text, kind] of [
        ["", "seconds"],
        ["soon", "seconds"],
        ["5 MiB", "seconds"],
        ["5 min", "days"],
        ["1e5x", "bytes"],
        ["constructor 1 constructor", "bytes"],
    ]) {
        expect(() => parseQuantity(text, kind)).toThrow();
    }
});

test("a field of a form", async () => {
    onRpc("limit", "web_save", ({args}) => expect.step(args[1]));
    const field = (name, kind) =>
        `<field name="${name}" widget="mqtt_quantity" options="{'kind': '${kind}'}"/>`;
    await mountView({
        type: "form",
        resModel: "limit",
        resId: 1,
        arch: `<form>${field("seconds", "seconds")}${field("bytes", "bytes")}</form>`,
    });
    expect("[name=seconds] input").toHaveValue("7 days");
    expect("[name=bytes] input").toHaveValue("1 MiB");
    await contains("[name=seconds] input").edit("2 h");
    await contains("[name=bytes] input").edit("much");
    expect("[name=bytes]").toHaveClass("o_field_invalid");
    await contains("[name=bytes] input").edit("2 MiB");
    await contains(".o_form_button_save").click();
    expect.verifySteps([{seconds: 7200, bytes: 2097152}]);
});
