import {chartShape, nearestPoint, spread} from "@mqtt_listener/device/chart_shape";
import {DeviceChart} from "@mqtt_listener/device/device_chart";
import {DeviceWidget} from "@mqtt_listener/device/device_widget";
import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {describe, expect, test} from "@odoo/hoot";
import {advanceTime, click, queryAllTexts} from "@odoo/hoot-dom";
import {Deferred, animationFrame} from "@odoo/hoot-mock";
import {Component, useState, xml} from "@odoo/owl";
import {
    mountWithCleanup,
    onRpc,
    patchWithCleanup,
} from "@web/../tests/web_test_helpers";
import {user} from "@web/core/user";

defineMailModels();
describe.current.tags("desktop");

const point = (time, value) => [time, value - 1, value + 1, value, value, value, 1];

test("a line has a hole where readings are missing", () => {
    const times = [0, 60, 120, 1200, 1260];
    const points = times.map((time) => point(time, time / 60));
    const {lines, lowest, highest} = chartShape({
        begin: 0,
        end: 1260,
        points,
        step: 60,
    });
    expect([lowest, highest]).toEqual([-1, 22]);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe("0.0,153.0 28.6,146.1 57.1,139.1");
});

test("a value that never changes is a line in the middle", () => {
    const points = [0, 60].map((time) => [time, 5, 5, 5, 5, 5, 1]);
    const {lines} = chartShape({begin: 0, end: 60, points, step: 60});
    expect(lines).toEqual(["0.0,80.0 600.0,80.0"]);
});

test("a reading alone is as long as its minute", () => {
    const {lines} = chartShape({begin: 0, end: 600, points: [point(0, 5)], step: 60});
    expect(lines).toEqual(["0.0,80.0 60.0,80.0"]);
});

test("a reading alone at the very end is seen", () => {
    const data = {begin: 0, end: 86400, points: [point(86399, 5)], step: 60};
    expect(chartShape(data).lines).toEqual(["596.0,80.0 600.0,80.0"]);
});

test("the nearest point", () => {
    const points = [point(0, 1), point(60, 1), point(120, 1)];
    expect(nearestPoint(points, 80)).toBe(1);
    expect(nearestPoint(points, -10)).toBe(0);
});

test("numbers below zero are spread as others are", () => {
    expect(spread([-10, -5, 0])).toEqual([0, 50, 100]);
    expect(spread([3, 3])).toEqual([50, 50]);
});

/** Mounts what a template shows of a state, and gives the state. */
async function mountOf(component, template, values) {
    let state = null;
    class Parent extends Component {
        static template = xml`${template}`;
        static components = {[component.name]: component};
        static props = {};

        setup() {
            state = this.state = useState(values);
        }
    }
    await mountWithCleanup(Parent);
    return state;
}

async function mountChart(chartData) {
    const calls = [];
    onRpc("mqtt.device", "chart_data", ({args}) => {
        calls.push(args[2]);
        return chartData(args);
    });
    const state = await mountOf(
        DeviceChart,
        `<DeviceChart deviceId="1" metric="state.metric" version="state.version"/>`,
        {metric: {metric_id: 1, name: "Temperature"}, version: 0}
    );
    const refresh = async () => {
        state.version += 1;
        await animationFrame();
        await animationFrame();
        return calls.length;
    };
    return {calls, refresh, state};
}

const DAY = {begin: 0, end: 86400, step: 60, points: [point(60, 5), point(120, 6)]};

test("a chart is read anew once it has a new point, or when asked", async () => {
    const {calls, refresh} = await mountChart(() => DAY);
    expect(await refresh()).toBe(1);
    await advanceTime(61000);
    expect(await refresh()).toBe(2);
    expect(await refresh()).toBe(2);
    await click("[data-span=month]");
    await animationFrame();
    await click("[data-span=month]");
    await animationFrame();
    expect(calls).toEqual(["day", "day", "month", "month"]);
});

test("a chart without a point waits for one", async () => {
    const {refresh} = await mountChart(() => ({...DAY, points: []}));
    expect(await refresh()).toBe(2);
});

test("a chart shows nothing of another metric", async () => {
    const second = new Deferred();
    const {refresh, state} = await mountChart((args) => (args[1] === 1 ? DAY : second));
    expect(".o_mqtt_chart svg").toHaveCount(1);
    state.metric = {metric_id: 2, name: "Pressure"};
    await refresh();
    expect(".o_mqtt_chart svg").toHaveCount(0);
    expect(".o_mqtt_chart_words").toHaveCount(0);
    second.resolve(DAY);
    await animationFrame();
    await animationFrame();
    expect(".o_mqtt_chart svg").toHaveCount(1);
});

const DEVICE = {state: "online", state_label: "Online", last_seen: false, values: []};

async function mountWidget(answers, messages = {}) {
    patchWithCleanup(user, {hasGroup: async () => true});
    onRpc("mqtt.device", "widget_data", ({args}) => answers[args[2]]);
    onRpc("mqtt.device", "last_messages", ({args}) => messages[args[0][0]]);
    return mountOf(DeviceWidget, `<DeviceWidget record="state.record"/>`, {
        record: {resModel: "res.partner", resId: 1},
    });
}

const settle = async () => {
    await animationFrame();
    await animationFrame();
};

test("a new record shows no device, whatever is still on its way", async () => {
    const first = new Deferred();
    const state = await mountWidget({1: first});
    state.record = {resModel: "res.partner", resId: false};
    await settle();
    first.resolve({...DEVICE, id: 1, name: "Press 1"});
    await settle();
    expect(".o_mqtt_device").toHaveCount(0);
});

test("messages of another device are not shown", async () => {
    const first = new Deferred();
    const answers = {
        1: {...DEVICE, id: 1, name: "Press 1"},
        2: {...DEVICE, id: 2, name: "Press 2"},
    };
    const state = await mountWidget(answers, {1: first});
    await settle();
    await click(".o_mqtt_device_more");
    await settle();
    state.record = {resModel: "res.partner", resId: 2};
    await settle();
    expect(queryAllTexts(".o_mqtt_device header .btn-link")).toEqual(["Press 2"]);
    first.resolve([]);
    await settle();
    expect(".o_mqtt_device_messages").toHaveCount(0);
});
