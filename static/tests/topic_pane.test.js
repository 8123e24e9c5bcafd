import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {pathActions} from "@mqtt_listener/pane/path_actions";
import {TopicPane} from "@mqtt_listener/pane/topic_pane";
import {after, beforeEach, describe, expect, test} from "@odoo/hoot";
import {
    advanceTime,
    press,
    queryAllTexts,
    queryAttribute,
    queryText,
} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {Component, useState, xml} from "@odoo/owl";
import {
    contains,
    makeMockEnv,
    mockService,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {makeTopic} from "./pane_data";

defineMailModels();
describe.current.tags("desktop");

let calls, data, history, chart, pane;

beforeEach(() => {
    calls = [];
    ({chart, data, history} = makeTopic());
    onRpc("mqtt.service", "topic_value", ({args}) => {
        calls.push(`value ${args[1]} ${args[2]}`);
        return data;
    });
    onRpc("mqtt.service", "topic_history", () => {
        calls.push("history");
        return history;
    });
    onRpc("mqtt.service", "topic_chart", ({args}) => {
        calls.push(`chart ${JSON.stringify(args[2])} ${JSON.stringify(args[3])}`);
        return chart;
    });
});

class Parent extends Component {
    static template = xml`<TopicPane
        serviceId="1" topic="state.topic" tick="state.tick" onPathPicked="onPathPicked"
    />`;
    static components = {TopicPane};
    static props = {};

    setup() {
        pane = useState({topic: "plant/<b>/1", tick: 0});
        this.state = pane;
        this.onPathPicked = (path) => calls.push(`picked ${path}`);
    }
}

/** What was called since this was asked last. */
function takeCalls() {
    return calls.splice(0);
}

async function mountPane() {
    await makeMockEnv();
    await mountWithCleanup(Parent);
    expect(takeCalls()).toEqual([
        `value ${pane.topic} null`,
        "history",
        "chart 300 null",
    ]);
}

/** The page becomes visible or hidden. */
function show(visibilityState) {
    Object.defineProperty(document, "visibilityState", {
        configurable: true,
        get: () => visibilityState,
    });
    document.dispatchEvent(new Event("visibilitychange"));
}

test("a value: its lines, and what changed", async () => {
    await mountPane();
    expect(queryAllTexts(".o_mqtt_line")).toEqual([
        "{",
        '"temp": 61.50,was 61',
        '"<b>": "x"new',
        "}",
    ]);
    expect(".o_mqtt_line_changed").toHaveCount(2);
    expect(".o_mqtt_value_facts").toHaveText(/10 sec ago/);
    expect(".o_mqtt_value_facts").toHaveText(/12,345 bytes/);
    expect(".o_mqtt_value_gone").toHaveText(/\$\.old/);
    expect(".o_mqtt_pane b, .o_mqtt_history i").toHaveCount(0);
    expect("h2").toHaveText("plant/<b>/1");
});

test("what is cut says so", async () => {
    Object.assign(data.message, {more_lines: 1234, is_cut: true});
    data.message.lines = [{text: "x", cut: 99}];
    history.more = 10000;
    history.has_more_than_counted = true;
    await mountPane();
    expect(".o_mqtt_value").toHaveText(/99 more characters/);
    expect(".o_mqtt_value").toHaveText(/1,234 more lines/);
    expect(".o_mqtt_value").toHaveText(/This is the beginning/);
    expect(".o_mqtt_pane").toHaveText(/more than 10,000 more messages/);
});

test("a click on a value picks its path, and adds a number to the chart", async () => {
    await mountPane();
    await contains(".o_mqtt_line:eq(2)").click();
    expect(".o_mqtt_pane_path code").toHaveText("$['<b>']");
    expect(takeCalls()).toEqual(["picked $['<b>']"]);
    chart.series = [];
    await contains("button:contains(temp)").click();
    expect(takeCalls()).toEqual(["history", "chart 300 []"]);
    await contains(".o_mqtt_line:eq(1)").click();
    expect(takeCalls()).toEqual(["picked $.temp", "history", 'chart 300 ["$.temp"]']);
    expect(".o_mqtt_line_picked").toHaveCount(1);
});

test("what others do with a path", async () => {
    const entries = [
        [
            "do",
            {label: "Do it", run: (env, place) => calls.push(JSON.stringify(place))},
        ],
        ["not", {label: "Not shown", run: () => {}, isShown: ({data: {now}}) => !now}],
    ];
    entries.forEach(([name, entry]) => pathActions.add(name, entry));
    after(() => entries.forEach(([name]) => pathActions.remove(name)));
    await mountPane();
    await contains(".o_mqtt_line:eq(2)").click();
    expect("button:contains(Not shown)").toHaveCount(0);
    takeCalls();
    await contains("button:contains(Do it)").click();
    expect(takeCalls().map(JSON.parse)).toEqual([
        {serviceId: 1, topic: "plant/<b>/1", messageId: 7, path: "$['<b>']"},
    ]);
});

test("the arrows go from line to line", async () => {
    await mountPane();
    await contains(".o_mqtt_lines").focus();
    await press("ArrowDown");
    await press("ArrowDown");
    await animationFrame();
    expect(queryAttribute(".o_mqtt_line_picked", "aria-selected")).toBe("true");
    expect(takeCalls()).toEqual(["picked $", "picked $.temp"]);
    await press("ArrowUp");
    expect(takeCalls()).toEqual(["picked $"]);
});

test("previous, next and newest", async () => {
    await mountPane();
    expect("button:contains(Next)").not.toBeEnabled();
    await contains("button:contains(Previous)").click();
    expect(queryText("#o_mqtt_value_title")).toBe("Value then");
    await contains("button:contains(Newest)").click();
    expect(takeCalls()).toEqual(["value plant/<b>/1 6", "value plant/<b>/1 null"]);
});

test("ticks: at most twice a second, and not when nobody looks", async () => {
    after(() => delete document.visibilityState);
    await mountPane();
    await advanceTime(10000);
    const begin = Date.now();
    for (let count = 0; count < 40; count++) {
        pane.tick += 1;
        await advanceTime(50);
    }
    await advanceTime(2000);
    await animationFrame();
    const seconds = (Date.now() - begin) / 1000;
    const made = takeCalls();
    const count = (what) => made.filter((call) => call.startsWith(what)).length;
    expect(count("value")).toBeGreaterThan(3);
    expect(count("value")).toBeLessThan(2 * seconds + 1);
    expect(count("history")).toBeLessThan(seconds / 2 + 1);
});

test("nothing is read when nobody looks", async () => {
    after(() => delete document.visibilityState);
    await mountPane();
    await advanceTime(10000);
    show("hidden");
    pane.tick += 1;
    await advanceTime(10000);
    expect(takeCalls()).toEqual([]);
    show("visible");
    await animationFrame();
    expect(takeCalls()).toEqual([
        "value plant/<b>/1 null",
        "history",
        "chart 300 null",
    ]);
});

test("another topic", async () => {
    await mountPane();
    data = {...data, message: false};
    pane.topic = "other";
    await animationFrame();
    expect(takeCalls()).toEqual(["value other null", "history", "chart 300 null"]);
    await animationFrame();
    expect(".o_mqtt_pane").toHaveText(/Nothing in history/);
    expect("#o_mqtt_publish_topic").toHaveValue("other");
});

test("a span of one's own", async () => {
    await mountPane();
    await contains("select[aria-label='Span of time']").select("3600");
    expect(takeCalls()).toEqual(["history", "chart 3600 null"]);
    await contains("select[aria-label='Span of time']").select("own");
    expect(".o_mqtt_span input").toHaveCount(2);
    expect(takeCalls()).toHaveLength(2);
});

test("handlers and what came of it", async () => {
    data.handlers = [
        {id: 3, name: "Press", state: "failed", state_label: "Failed", detail: "<b>"},
    ];
    mockService("action", {
        doAction: ({context, res_id, res_model}) =>
            calls.push(`${res_model} ${res_id} ${JSON.stringify(context)}`),
    });
    await mountPane();
    expect("li[data-state=failed]").toHaveText(/Failed\s*<b>/);
    await contains("li[data-state=failed] button").click();
    await contains("button:contains(Make a Handler)").click();
    expect(takeCalls()).toEqual([
        "mqtt.handler 3 undefined",
        'mqtt.handler undefined {"default_pattern":"plant/<b>/1","default_service_id":1}',
    ]);
});

test("who may only look", async () => {
    Object.assign(data, {may_publish: false, may_configure: false});
    await mountPane();
    expect("button:contains(Make a Handler)").toHaveCount(0);
    expect("button:contains(Clear Retained Message)").toHaveCount(0);
    expect(".o_mqtt_publish").toHaveCount(0);
});

test("publish, and see what becomes of it", async () => {
    let answer = {state: "queued", state_label: "Queued", answer_state: "waiting"};
    onRpc("mqtt.service", "topic_publish", ({args, kwargs}) => {
        const {asks, qos, retain} = kwargs;
        calls.push(`publish ${args[1]} ${args[2]} ${qos} ${retain} ${asks}`);
        return 77;
    });
    onRpc("mqtt.service", "topic_published", ({args}) => {
        calls.push(`published ${args[1]}`);
        return [{id: 77, answer_label: "", answer: "", problem: "", ...answer}];
    });
    await mountPane();
    await contains("#o_mqtt_publish_payload").edit('{"a": ', {confirm: false});
    expect(".o_mqtt_publish_check").toHaveText("Not JSON: line 1, column 7");
    await contains("#o_mqtt_publish_payload").edit("<b>on", {confirm: false});
    await contains(".o_mqtt_publish button:contains(Publish)").click();
    await animationFrame();
    expect(".o_mqtt_sent li").toHaveText(/<b>on/);
    expect(".o_mqtt_sent li").toHaveText(/Queued/);
    answer = {
        state: "done",
        state_label: "Done",
        answer_state: "answered",
        answer: "<i>yes",
    };
    await advanceTime(1000);
    await animationFrame();
    expect(".o_mqtt_sent code").toHaveText("<i>yes");
    await advanceTime(5000);
    expect(takeCalls().filter((call) => call.startsWith("publish"))).toEqual([
        "publish plant/<b>/1 <b>on 1 false false",
        "published 77",
        "published 77",
    ]);
});

test("clearing a retained message asks first", async () => {
    data.retained = {id: 5, time: 900, preview: "<b>old", is_empty: false};
    onRpc("mqtt.service", "topic_publish", ({args, kwargs}) => {
        calls.push(`${args[1]} "${args[2]}" ${kwargs.retain}`);
        return 77;
    });
    await mountPane();
    expect(".o_mqtt_pane_detail").toHaveText(/2 min ago: <b>old/);
    await contains("button:contains(Clear Retained Message)").click();
    await contains(".modal button:contains(Clear)").click();
    expect(takeCalls()).toEqual([
        'plant/<b>/1 "" true',
        "value plant/<b>/1 null",
        "history",
        "chart 300 null",
    ]);
});
