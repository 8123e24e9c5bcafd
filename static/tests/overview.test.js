import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {describeSeconds} from "@mqtt_listener/overview/durations";
import {Overview} from "@mqtt_listener/overview/overview";
import {Rates} from "@mqtt_listener/overview/rates";
import {after, beforeEach, describe, expect, test} from "@odoo/hoot";
import {advanceTime, queryAll, queryAllTexts} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    makeMockEnv,
    mockService,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {getDefaultConfig} from "@web/views/view";

defineMailModels();
describe.current.tags("desktop");

const SECOND = 1000;
const CARD = {
    id: 1,
    name: "Plant",
    broker: "broker.example:1883",
    state: "running",
    state_label: "Running",
    detail: "",
    is_started: true,
    received: 100,
    last_message: 990,
    to_store: 0,
    to_handle: 12345,
    oldest: 0,
    failed: 0,
};
const NEED = {
    kind: "failed",
    level: "danger",
    text: "Messages failed in handler “<b>x</b>”: 2",
    button: "Failed Messages",
    model: "mqtt.failure",
    ids: [7],
    method: "action_open",
};
let data, traffic;

beforeEach(() => {
    traffic = {minutes: [], services: [], topics: []};
    data = {
        now: 1000,
        may_operate: true,
        may_configure: true,
        amber_seconds: 10,
        red_seconds: 60,
        services: [{...CARD}],
        needs: [],
    };
    onRpc("mqtt.service", "overview_data", () => {
        expect.step("read");
        return data;
    });
    onRpc("mqtt.service", "overview_traffic", () => traffic);
});

async function mountOverview() {
    await makeMockEnv({config: getDefaultConfig()});
    await mountWithCleanup(Overview, {props: {action: {}, actionId: 1}});
}

/** The page becomes visible or hidden. */
function show(visibilityState) {
    Object.defineProperty(document, "visibilityState", {
        configurable: true,
        get: () => visibilityState,
    });
    document.dispatchEvent(new Event("visibilitychange"));
}

test("rates: from one reading to the next", () => {
    const rates = new Rates();
    rates.add({now: 10, services: [{id: 1, received: 100}]});
    expect(rates.current(1)).toBe(undefined);
    expect(rates.history(1)).toEqual([]);
    rates.add({now: 15, services: [{id: 1, received: 150}]});
    expect(rates.current(1)).toBe(10);
    rates.add({now: 20, services: [{id: 1, received: 250}]});
    expect(rates.history(1)).toEqual([10, 20]);
    expect(rates.current(1)).toBe(15);
    // the counters of another database, or of a service that was deleted
    rates.add({now: 25, services: [{id: 1, received: 0}]});
    expect(rates.history(1)).toEqual([10, 20, 0]);
});

test("rates: what is kept has an end", () => {
    const rates = new Rates();
    for (let now = 0; now < 200; now++) {
        rates.add({now, services: [{id: 1, received: now}]});
    }
    expect(rates.history(1).length).toBe(60);
});

test("durations have one unit", () => {
    expect(describeSeconds(0.4)).toBe("0 sec");
    expect(describeSeconds(89)).toBe("89 sec");
    expect(describeSeconds(390)).toBe("7 min");
    expect(describeSeconds(7200)).toBe("2 hr");
    expect(describeSeconds(86400 * 3)).toBe("3 days");
});

test("without services: first steps", async () => {
    data.services = [];
    await mountOverview();
    expect(".o_mqtt_first_steps .o_mqtt_step").toHaveCount(3);
    expect.verifySteps(["read"]);
});

test("a card says what a service does", async () => {
    await mountOverview();
    expect(".o_mqtt_state_label").toHaveText("Running");
    expect(queryAllTexts(".o_mqtt_card dd")).toEqual([
        "10 seconds ago",
        "0",
        "12,345",
        "–",
        "0",
    ]);
    expect(".o_mqtt_rate_value").toHaveText("–");
    expect(".o_mqtt_needs").toHaveText(/All is well/);
    data = {...data, now: 1002, services: [{...CARD, received: 111}]};
    await advanceTime(SECOND);
    await animationFrame();
    expect(".o_mqtt_rate_value").toHaveText("5.5");
    expect.verifySteps(["read", "read"]);
});

test("what came lately", async () => {
    traffic = {
        minutes: [0, 1234, 617],
        services: ["Plant"],
        topics: [
            {service_id: 1, topic: "plant/<b>/temperature", rate: 12},
            {service_id: 1, topic: "state", rate: 3},
        ],
    };
    await mountOverview();
    await animationFrame();
    expect(queryAllTexts(".o_mqtt_last_level")).toEqual(["temperature", "state"]);
    expect(queryAllTexts(".o_mqtt_levels")).toEqual(["plant/<b>/", ""]);
    expect(queryAllTexts(".o_mqtt_topic_rate")).toEqual([
        "12 messages/s",
        "3.00 messages/s",
    ]);
    const heights = [...queryAll(".o_mqtt_hour rect")].map((bar) =>
        Number(bar.getAttribute("height"))
    );
    expect(heights).toEqual([0, 100, 50]);
    expect(".o_mqtt_hour").toHaveAttribute(
        "aria-label",
        "1,851 messages in the last hour, at most 1,234 a minute"
    );
    expect.verifySteps(["read"]);
});

test("the oldest is amber over 10 seconds and red over 60", async () => {
    data.services = [10, 11, 61].map((oldest, index) => ({
        ...CARD,
        id: index + 1,
        oldest,
    }));
    await mountOverview();
    expect("[data-name=oldest].o_mqtt_warning").toHaveText(/11 sec/);
    expect("[data-name=oldest].o_mqtt_danger").toHaveText(/61 sec/);
    expect("[data-name=oldest]").toHaveCount(3);
    expect.verifySteps(["read"]);
});

test("one click from what is wrong to where it is", async () => {
    data.needs = [NEED];
    onRpc("mqtt.failure", "action_open", ({args}) => {
        expect.step(`open ${args[0]}`);
        return {type: "ir.actions.act_window", res_model: "queue.job"};
    });
    mockService("action", {
        doAction: ({res_model}) => expect.step(res_model),
    });
    await mountOverview();
    expect(".o_mqtt_need_text").toHaveText(NEED.text);
    expect(".o_mqtt_need b").toHaveCount(0);
    await contains(".o_mqtt_need button").click();
    expect.verifySteps(["read", "open 7", "queue.job"]);
});

test("start and stop are for operators, and show at once", async () => {
    data.services[0].is_started = false;
    onRpc("mqtt.service", "start_mqtt_service", ({args}) => {
        expect.step(`start ${args[0]}`);
        data = {...data, services: [{...CARD}]};
        return true;
    });
    await mountOverview();
    await contains("button:contains(Start)").click();
    await animationFrame();
    expect("button:contains(Stop)").toHaveCount(1);
    data = {...data, may_operate: false};
    await advanceTime(5 * SECOND);
    await animationFrame();
    expect("button:contains(Stop)").toHaveCount(0);
    expect.verifySteps(["read", "start 1", "read", "read"]);
});

test("it reads every 5 seconds, and not when nobody looks", async () => {
    after(() => delete document.visibilityState);
    await mountOverview();
    await advanceTime(SECOND);
    expect.verifySteps(["read", "read"]);
    for (let count = 0; count < 3; count++) {
        await advanceTime(5 * SECOND);
        await animationFrame();
    }
    expect.verifySteps(["read", "read", "read"]);
    show("hidden");
    await advanceTime(60 * SECOND);
    expect.verifySteps([]);
    show("visible");
    await animationFrame();
    expect.verifySteps(["read"]);
});

test("however often the bus speaks, it reads once a second", async () => {
    let onChanged;
    mockService("bus_service", {
        addChannel: () => {},
        addEventListener: () => {},
        forceUpdateChannels: () => {},
        start: () => {},
        subscribe: (type, callback) => {
            if (type === "mqtt_listener/service_changed") {
                onChanged = callback;
            }
        },
        unsubscribe: () => {},
    });
    await mountOverview();
    await advanceTime(SECOND);
    expect.verifySteps(["read", "read"]);
    for (let count = 0; count < 30; count++) {
        onChanged({id: 1});
        await advanceTime(SECOND / 10);
    }
    expect.verifySteps(["read", "read", "read"]);
});

test("a server that does not answer: what was known, and since when", async () => {
    await mountOverview();
    onRpc("mqtt.service", "overview_data", () => {
        throw new Error("away");
    });
    await advanceTime(SECOND);
    await animationFrame();
    expect(".o_mqtt_card").toHaveCount(1);
    expect(".alert").toHaveText(/does not answer/);
    expect.verifySteps(["read"]);
});
