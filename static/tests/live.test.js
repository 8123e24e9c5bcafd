import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {Live} from "@mqtt_listener/live/live";
import {after, beforeEach, describe, expect, test} from "@odoo/hoot";
import {advanceTime, press, queryAllTexts, waitFor} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {Component, xml} from "@odoo/owl";
import {
    contains,
    makeMockEnv,
    mockService,
    mountWithCleanup,
    onRpc,
    patchWithCleanup,
} from "@web/../tests/web_test_helpers";
import {browser} from "@web/core/browser/browser";
import {getDefaultConfig} from "@web/views/view";

defineMailModels();
describe.current.tags("desktop");

/** In place of the pane, which has tests of its own. */
class Pane extends Component {
    static template = xml`<p class="pane" t-esc="props.topic" />`;
    static props = {serviceId: Number, tick: Number, topic: String};
}

const SECOND = 1000;
const SERVICE = {
    id: 1,
    name: "Plant",
    state: "running",
    state_label: "Running",
    is_live: true,
    is_full: false,
    topics: 3,
    last_message: 1000,
};
let channels, levels, now, problem, reads, services, tick;

const branch = (name, values) => ({
    name,
    messages: 1,
    time: now,
    topics: 2,
    ...values,
});
const topic = (name, value, values) =>
    branch(name, {size: 5, topics: 0, value, ...values});

beforeEach(() => {
    now = 1000;
    problem = "";
    channels = [];
    reads = [];
    services = [{...SERVICE}];
    levels = {
        "": [branch("plant"), branch("other")],
        "plant/": [topic("m-10", "10"), topic("m-9", "<b>9</b>")],
    };
    browser.localStorage.clear();
    onRpc("mqtt.service", "live_services", () => services);
    onRpc("mqtt.service", "live_levels", ({args}) => {
        const [, branches, text] = args;
        reads.push([text, ...branches.map(({prefix}) => `${prefix}*`)].join(" "));
        return {
            now,
            problem,
            is_behind: false,
            levels: branches.map(({prefix, service_id}) => {
                const rows = (levels[prefix] || []).map((row) => ({...row}));
                return {prefix, rows, service_id, total: levels.total || rows.length};
            }),
        };
    });
    patchWithCleanup(Live.components, {TopicPane: Pane});
    mockService("bus_service", {
        addChannel: (channel) => channels.push(channel),
        addEventListener: () => {},
        deleteChannel: () => {},
        forceUpdateChannels: () => channels.push("anew"),
        start: () => {},
        subscribe: (type, callback) => {
            if (type === "mqtt_listener/live") {
                tick = callback;
            }
        },
        unsubscribe: () => {},
        workerState: "CONNECTED",
    });
});

async function mountLive(params = {}) {
    await makeMockEnv({config: getDefaultConfig()});
    const updateActionState = (state) => Object.assign(params, state);
    const props = {action: {params: {...params}}, actionId: 1, updateActionState};
    await mountWithCleanup(Live, {props});
    await animationFrame();
    return params;
}

const line = (name) => `.o_mqtt_live_line[data-topic='${name}']`;
const names = () => queryAllTexts(".o_mqtt_live_name");

async function pass(milliseconds) {
    for (let left = milliseconds; left > 0; left -= SECOND / 10) {
        await advanceTime(SECOND / 10);
        await animationFrame();
    }
}

test("it asks for what is shown, and folds", async () => {
    await mountLive();
    expect(names()).toEqual(["other", "plant"]);
    expect(".o_mqtt_live_remark:first").toHaveText("Plant: Running");
    expect(channels).toEqual(["mqtt_listener.live"]);
    expect(reads).toEqual([" *"]);
    await contains(line("plant")).click();
    await pass(SECOND / 2);
    expect(reads.at(-1)).toBe(" * plant/*");
    expect(names()).toEqual(["other", "plant", "m-9", "m-10"]);
    expect(queryAllTexts(".o_mqtt_live_said")).toEqual(["<b>9</b>", "10"]);
    await contains(line("plant")).click();
    expect(names()).toEqual(["other", "plant"]);
});

test("one branch only is no choice: it is open", async () => {
    levels[""] = [branch("plant")];
    await mountLive();
    await pass(SECOND / 2);
    expect(names()).toEqual(["plant", "m-9", "m-10"]);
});

test("however often the bus ticks, it reads twice a second; and once more", async () => {
    await mountLive();
    const begin = Date.now();
    for (let count = 0; count < 40; count++) {
        tick({id: 1});
        await pass(SECOND / 10);
    }
    const most = Math.ceil((Date.now() - begin) / 500) + 1;
    expect(reads.length).toBeLessThan(most + 1);
    expect(reads.length).toBeGreaterThan(5);
    const count = reads.length;
    await pass(SECOND);
    expect(reads.length).toBeGreaterThan(count);
});

test("it reads nothing while nobody looks", async () => {
    const show = (visibilityState) => {
        Object.defineProperty(document, "visibilityState", {
            configurable: true,
            get: () => visibilityState,
        });
        document.dispatchEvent(new Event("visibilitychange"));
    };
    after(() => delete document.visibilityState);
    await mountLive();
    show("hidden");
    const count = reads.length;
    tick({id: 1});
    await advanceTime(60 * SECOND);
    expect(reads.length).toBe(count);
    show("visible");
    await animationFrame();
    expect(reads.length).toBe(count + 1);
});

test("new values, their rate and age; only they flash", async () => {
    levels[""] = [topic("a", "1"), topic("b", "1")];
    await mountLive();
    now = 1002;
    levels[""] = [topic("a", "2", {messages: 9}), topic("b", "1", {time: 900})];
    tick({id: 1});
    await waitFor(".o_mqtt_live_fresh", {timeout: 2 * SECOND});
    expect(queryAllTexts(".o_mqtt_live_said")).toEqual(["2", "1"]);
    expect(".o_mqtt_live_fresh").toHaveCount(1);
    expect(".o_mqtt_live_fresh").toHaveText("2");
    expect(queryAllTexts(".o_mqtt_live_line .o_mqtt_live_rate")).toEqual(["4.0/s", ""]);
    expect(queryAllTexts(".o_mqtt_live_age")).toEqual(["now", "2 min"]);
});

test("what has no text says why", async () => {
    levels[""] = [
        topic("a", "", {size: 0}),
        topic("b", null, {size: 1234}),
        topic("c", null, {size: null}),
    ];
    await mountLive();
    expect(queryAllTexts(".o_mqtt_live_value em")).toEqual([
        "empty",
        "1,234 bytes",
        "removed",
    ]);
});

test("search: what is found is open, and what is wrong is said", async () => {
    const params = await mountLive();
    await contains(".o_mqtt_live_search input").edit("m-1", {confirm: false});
    await pass(SECOND);
    await pass(SECOND);
    expect(names()).toEqual(["other", "plant", "m-9", "m-10"]);
    expect(params.text).toBe("m-1");
    problem = "In “a/#/b”, # has to stand alone after the last slash.";
    await contains(".o_mqtt_live_search input").edit("a/#/b", {confirm: false});
    await pass(SECOND);
    expect(".o_mqtt_live_remark:first").toHaveText(problem);
    expect(".o_mqtt_live_line").toHaveCount(0);
});

test("what is cut is said", async () => {
    levels.total = 300;
    await mountLive();
    expect(".o_mqtt_live_whole").toHaveText("Show more: 298");
    await contains(".o_mqtt_live_line[data-kind=more]").click();
    await pass(SECOND);
    expect(".o_mqtt_live_whole").toHaveText("298 more are not shown: search for them.");
});

test("several services are the roots; a stopped one says since when", async () => {
    services.push({
        ...SERVICE,
        id: 2,
        name: "Office",
        is_live: false,
        last_message: null,
        state_label: "Stopped",
    });
    await mountLive();
    expect(names()).toEqual(["Plant", "other", "plant", "Office", "other", "plant"]);
    expect(queryAllTexts(".o_mqtt_live_state")).toEqual([
        "Running",
        "Stopped, nothing received yet",
    ]);
    expect(".o_mqtt_live_still").toHaveCount(3);
    services = services.slice(0, 1);
    await pass(8 * SECOND);
    expect(names()).toEqual(["other", "plant"]);
    expect(channels).toEqual(["mqtt_listener.live", "anew"]);
});

test("keys", async () => {
    await mountLive();
    await contains(".o_mqtt_live_lines").focus();
    const active = () => queryAllTexts(".o_mqtt_live_active .o_mqtt_live_name");
    expect(active()).toEqual(["other"]);
    await press("ArrowDown");
    await press("ArrowRight");
    await pass(SECOND / 2);
    await press("ArrowRight");
    await animationFrame();
    expect(active()).toEqual(["m-9"]);
    await press("ArrowLeft");
    await animationFrame();
    expect(active()).toEqual(["plant"]);
    await press("End");
    await press("Enter");
    await animationFrame();
    expect(".o_mqtt_live_line[aria-selected=true]").toHaveText(/m-10/);
    expect(".pane").toHaveText("plant/m-10");
    await press("Home");
    await animationFrame();
    expect(active()).toEqual(["other"]);
});

test("pins and messages of a branch", async () => {
    const asked = [];
    patchWithCleanup(Live.prototype, {
        openMessages(one) {
            this.action = {doAction: (...args) => asked.push(args)};
            return super.openMessages(one);
        },
    });
    await mountLive();
    expect(".o_mqtt_live_bar button:disabled").toHaveCount(2);
    await contains(line("plant")).click();
    await pass(SECOND / 2);
    await contains(".o_mqtt_live_bar button:contains(Pin)").click();
    expect(".o_mqtt_live_line:first").toHaveAttribute("data-kind", "pin");
    expect(".o_mqtt_live_line:first .o_mqtt_live_value").toHaveText("2 topics");
    await contains(".o_mqtt_live_bar button:contains(Messages)").click();
    expect(asked).toEqual([
        [
            "mqtt_listener.mqtt_signal_history_action",
            {
                additionalContext: {
                    search_default_service_id: 1,
                    search_default_topic_filter: "plant/#",
                },
            },
        ],
    ]);
});

test("a topic in the address, and what was open before", async () => {
    browser.localStorage.setItem(
        "mqtt_listener.live.7",
        JSON.stringify({open: [" 1 plant"], pins: []})
    );
    const params = await mountLive({service_id: 1, topic: "plant/m-9"});
    await pass(SECOND / 2);
    expect(".o_mqtt_live_line[aria-selected=true]").toHaveText(/m-9/);
    expect(names()).toEqual(["other", "plant", "m-9", "m-10"]);
    expect(params).toEqual({service_id: 1, text: undefined, topic: "plant/m-9"});
});

test("a server that does not answer: what was known", async () => {
    await mountLive();
    onRpc("mqtt.service", "live_levels", () => {
        throw new Error("away");
    });
    tick({id: 1});
    await pass(SECOND);
    expect(names()).toEqual(["other", "plant"]);
    expect(".o_mqtt_live .alert").toHaveText(/does not answer/);
});
