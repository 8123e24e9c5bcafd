import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import {ProblemCount} from "@mqtt_listener/problem_count/problem_count";
import {beforeEach, describe, expect, test} from "@odoo/hoot";
import {advanceTime} from "@odoo/hoot-dom";
import {animationFrame} from "@odoo/hoot-mock";
import {
    contains,
    defineMenus,
    getService,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {NavBar} from "@web/webclient/navbar/navbar";

defineMailModels();
describe.current.tags("desktop");

let count;

beforeEach(() => {
    count = 3;
    onRpc("mqtt.service", "problem_count", () => {
        expect.step("read");
        return count;
    });
});

test("none, some, and too many", async () => {
    count = 0;
    const component = await mountWithCleanup(ProblemCount);
    await animationFrame();
    expect(".o_mqtt_problem_count").toHaveCount(0);
    count = 3;
    component.env.bus.trigger("ACTION_MANAGER:UI-UPDATED");
    await animationFrame();
    expect(".o_mqtt_problem_count").toHaveText("3");
    count = 100;
    await advanceTime(30000);
    await animationFrame();
    expect(".o_mqtt_problem_count").toHaveText("99+");
    expect(".o_mqtt_problem_count").toHaveAttribute("aria-label", "Problems: 99+");
    expect.verifySteps(["read", "read", "read"]);
});

test("a server that is away: the number stays", async () => {
    const component = await mountWithCleanup(ProblemCount);
    await animationFrame();
    onRpc("mqtt.service", "problem_count", () => {
        throw new Error("away");
    });
    component.env.bus.trigger("ACTION_MANAGER:UI-UPDATED");
    await animationFrame();
    expect(".o_mqtt_problem_count").toHaveText("3");
    expect.verifySteps(["read"]);
});

test("it stands at its own menu, and at no other", async () => {
    const leaf = {appID: 1, children: [], actionID: 1, name: "A list"};
    const section = {appID: 1, children: [4]};
    defineMenus([
        {id: 1, appID: 1, name: "MQTT", children: [2, 3], actionID: 1},
        {...section, id: 2, name: "Problems", xmlid: "mqtt_listener.menu_problems"},
        {...section, id: 3, name: "Other", xmlid: "mqtt_listener.menu_other"},
        {...leaf, id: 4},
    ]);
    await mountWithCleanup(NavBar);
    getService("menu").setCurrentMenu(1);
    await animationFrame();
    await animationFrame();
    expect(".o_mqtt_problem_count").toHaveCount(1);
    expect("[data-menu-xmlid='mqtt_listener.menu_problems']").toHaveText(
        /^Problems\s+3$/
    );
    await contains("[data-menu-xmlid='mqtt_listener.menu_problems']").click();
    expect(".dropdown-menu .o-dropdown-item").toHaveCount(1);
    expect.verifySteps(["read"]);
});
