import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {branchesOf, covers} from "@mqtt_listener/first_steps/branches";
import {FirstSteps} from "@mqtt_listener/first_steps/first_steps";
import {beforeEach, describe, expect, test} from "@odoo/hoot";
import {advanceTime, queryAllTexts, queryText} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    makeServerError,
    mockService,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";

defineMailModels();
describe.current.tags("desktop");

const SECOND = 1000;
const VALUES = {
    name: "broker.example",
    host: "broker.example",
    port: 8883,
    tls: true,
    transport: "tcp",
    username: "me",
    password: "s3cret",
};
const STEP = {
    step: "login",
    label: "MQTT login",
    subject: "me",
    is_successful: true,
    result: "OK",
};
const SERVICE = {id: 7, state: "running", state_label: "Running", detail: ""};
const MESSAGE = {
    id: 5,
    topic: "plant/1/temperature",
    timestamp: "2026-01-01 10:00:00",
    payload_kind: "text",
    payload_view: "<b>20</b>",
};
let tried, found, messages, actions;

beforeEach(() => {
    actions = [];
    messages = [];
    tried = {
        values: VALUES,
        is_successful: true,
        asks_login: false,
        steps: [STEP],
    };
    found = {
        filter: "plant/#",
        topics: [
            {topic: "plant/1", count: 3, size: 4, preview: "<i>x</i>"},
            {topic: "plant/2", count: 1, size: 2000, preview: ""},
            {topic: "plant/3", count: 1, size: 0, preview: ""},
        ],
        is_full: false,
        problem: "",
    };
    onRpc("mqtt.service", "first_steps_connect", ({args}) => {
        expect.step(`connect ${args.join(" ")}`);
        return tried;
    });
    onRpc("mqtt.service", "first_steps_listen", ({args}) => {
        expect.step(`listen ${args[0].password} ${args[1]} ${args[2]}`);
        return found;
    });
    onRpc("mqtt.service", "first_steps_receive", ({args}) => {
        expect.step(`receive ${args[1].join(" ")}`);
        return 7;
    });
    onRpc("mqtt.service", "overview_data", () => ({
        services: [{...SERVICE, received: 1234}],
    }));
    onRpc("mqtt.signal.history", "search_read", () => messages);
    mockService("action", {doAction: (action) => actions.push(action)});
});

async function mountSteps(props) {
    await mountWithCleanup(FirstSteps, {
        props: {isManager: true, onDone: () => expect.step("done"), ...props},
    });
}

async function connect(address = "mqtts://me:s3cret@broker.example") {
    await contains("input[name=address]").edit(address, {confirm: false});
    await contains("button:contains(Connect)").click();
}

async function listen() {
    await connect();
    await contains("input[name=prefix]").edit("plant", {confirm: false});
    await contains("button:contains(Listen)").click();
    await animationFrame();
}

test("branches: the filter itself, or first levels", () => {
    const topics = [{topic: "a/1"}, {topic: "a/2/3"}, {topic: "/b"}, {topic: "c"}];
    expect(branchesOf("a/#", topics)).toEqual(["a/#"]);
    expect(branchesOf("#", topics)).toEqual(["a/#", "/#", "c/#"]);
    expect(branchesOf("#", [])).toEqual([]);
});

test("branches: what they cover", () => {
    expect(covers("a/#", "a")).toBe(true);
    expect(covers("a/#", "a/b/c")).toBe(true);
    expect(covers("a/#", "ab")).toBe(false);
    expect(covers("a/+/c", "a/b/c")).toBe(true);
    expect(covers("a/+/c", "a/b")).toBe(false);
    expect(covers("a/+/c", "a/b/c/d")).toBe(false);
});

test("for somebody who cannot create a service", async () => {
    await mountSteps({isManager: false});
    expect("input").toHaveCount(0);
    expect(queryText(".o_mqtt_first_steps")).toInclude("Ask an MQTT manager");
});

test("a broker that does not do: what is wrong, and the login out of the address", async () => {
    const refused = {...STEP, is_successful: false, result: "check <b>Username</b>"};
    tried = {...tried, is_successful: false, asks_login: true, steps: [refused]};
    await mountSteps();
    await connect();
    expect(".o_mqtt_tried .o_mqtt_danger").toHaveText(/check <b>Username<\/b>/);
    expect("input[name=address]").toHaveValue("mqtts://broker.example");
    expect("input[name=username]").toHaveValue("me");
    expect("input[name=username]").toBeFocused();
    expect("input[name=password]").toHaveValue("s3cret");
    expect("input[name=prefix]").toHaveCount(0);
    expect.verifySteps(["connect mqtts://me:s3cret@broker.example  "]);
});

test("what is no address is said in place", async () => {
    onRpc("mqtt.service", "first_steps_connect", () => {
        throw makeServerError({message: "No address", type: "UserError"});
    });
    await mountSteps();
    await connect("x");
    expect("[role=alert]").toHaveText("No address");
    expect("button:contains(Connect)").toBeEnabled();
});

test("one branch is ticked; its topics come with it", async () => {
    await mountSteps();
    await listen();
    expect(queryAllTexts(".o_mqtt_found_topic td:nth-child(2)")).toEqual([
        "<i>x</i>",
        "2,000 bytes",
        "empty",
    ]);
    expect(".o_mqtt_branch input").toBeChecked();
    expect(".o_mqtt_found_topic input:checked:disabled").toHaveCount(3);
    expect(".o_mqtt_receive").toHaveText("Receive plant/#");
    await contains(".o_mqtt_branch input").click();
    expect(".o_mqtt_receive").not.toBeEnabled();
    await contains(".o_mqtt_found_topic:eq(0) input").click();
    await contains(".o_mqtt_found_topic:eq(2) input").click();
    expect(".o_mqtt_receive").toHaveText("Receive 2 topics");
    await contains(".o_mqtt_branch input").click();
    expect(".o_mqtt_receive").toHaveText("Receive plant/#");
    expect.verifySteps([
        "connect mqtts://me:s3cret@broker.example  ",
        "listen s3cret plant false",
    ]);
});

test("everything: nothing is ticked unasked", async () => {
    found = {...found, filter: "#", is_full: true, problem: "It broke <b>off</b>"};
    found.topics = [...found.topics, {topic: "x", count: 1, size: 0, preview: ""}];
    await mountSteps();
    await connect();
    await contains("input[name=everything]").click();
    expect("input[name=prefix]").not.toBeEnabled();
    await contains("button:contains(Listen)").click();
    await animationFrame();
    expect(queryAllTexts(".o_mqtt_branch strong")).toEqual(["plant/#", "x/#"]);
    expect(".o_mqtt_found input:checked").toHaveCount(0);
    expect("[role=alert]").toHaveText("It broke <b>off</b>");
    expect("[role=status]:contains(There are more topics)").toHaveCount(1);
    expect.verifySteps([
        "connect mqtts://me:s3cret@broker.example  ",
        "listen s3cret  true",
    ]);
});

test("nothing came: the branch can be received all the same", async () => {
    found.topics = [];
    await mountSteps();
    await listen();
    expect(queryText("[data-step=listen]")).toInclude("Nothing came");
    expect(".o_mqtt_receive").toBeEnabled();
    expect.verifySteps([
        "connect mqtts://me:s3cret@broker.example  ",
        "listen s3cret plant false",
    ]);
});

test("the first message appears by itself, and becomes a handler's", async () => {
    await mountSteps({onBegun: () => expect.step("begun")});
    await listen();
    await contains(".o_mqtt_receive").click();
    await animationFrame();
    expect(queryText("[data-step=message]")).toInclude("Waiting for the first message");
    messages = [MESSAGE];
    await advanceTime(SECOND);
    await animationFrame();
    expect(".o_mqtt_message pre").toHaveText("<b>20</b>");
    expect(queryText("[data-step=message]")).toInclude("1,234 messages were received");
    messages = [];
    await advanceTime(SECOND);
    await animationFrame();
    expect(".o_mqtt_message").toHaveCount(1);
    await contains("button:contains(Handle These Messages)").click();
    expect(actions[0].context).toEqual({
        default_name: "temperature",
        default_pattern: "plant/1/temperature",
        default_service_id: 7,
        mqtt_try_message_id: 5,
    });
    await contains("button:contains(Overview)").click();
    expect.verifySteps([
        "connect mqtts://me:s3cret@broker.example  ",
        "begun",
        "listen s3cret plant false",
        "receive plant/#",
        "done",
    ]);
});

test("Change: what was typed is there again", async () => {
    await mountSteps();
    await connect();
    expect(queryText("[data-step=broker]")).toInclude("broker.example:8883 (TLS)");
    await contains("button:contains(Change)").click();
    expect("input[name=address]").toHaveValue("mqtts://broker.example");
    expect("input[name=password]").toHaveValue("s3cret");
    expect.verifySteps(["connect mqtts://me:s3cret@broker.example  "]);
});
