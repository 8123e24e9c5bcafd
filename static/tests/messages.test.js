import {markup} from "@odoo/owl";
import {defineMailModels} from "@mail/../tests/mail_test_helpers";
import "@mqtt_listener/messages/messages_views";
import {expect, describe, test, beforeEach} from "@odoo/hoot";
import {advanceTime, queryAllTexts, queryOne} from "@odoo/hoot-dom";
import {
    MockServer,
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
    toggleSearchBarMenu,
    toggleMenuItem,
} from "@web/../tests/web_test_helpers";
import {animationFrame} from "@odoo/hoot-mock";

class Message extends models.Model {
    _name = "mqtt.signal.history";
    topic = fields.Char();
    direction = fields.Selection({
        selection: [
            ["receive", "Received"],
            ["send", "Sent"],
        ],
    });
    timestamp = fields.Datetime();
    milliseconds = fields.Integer();
    _records = [
        {
            id: 1,
            topic: "plant/hall/temperature",
            direction: "receive",
            timestamp: "2019-03-11 08:30:00",
            milliseconds: 42,
        },
    ];
}

defineMailModels();
defineModels([Message]);
describe.current.tags("desktop");

const LIST = `
    <list js_class="mqtt_messages_list">
        <field name="direction" widget="mqtt_direction" />
        <field name="timestamp" widget="mqtt_exact_moment" />
        <field name="topic" widget="mqtt_topic" />
    </list>`;
let looks, newest;

beforeEach(() => {
    newest = 1;
    looks = [];
    onRpc("mqtt.signal.history", "count_newer", ({args: [, , known]}) => {
        looks.push(known);
        return {newest_id: newest, count: newest - known};
    });
});

async function mountList(more = {}) {
    await mountView({
        type: "list",
        resModel: "mqtt.signal.history",
        arch: LIST,
        ...more,
    });
}

async function look() {
    await advanceTime(1000);
    await animationFrame();
}

function arrive() {
    [newest] = MockServer.env["mqtt.signal.history"].create([{topic: "plant/new"}]);
}

test("new messages appear", async () => {
    await mountList();
    await look();
    arrive();
    await look();
    expect(looks).toEqual([1, 1]);
    expect(queryAllTexts(".o_mqtt_topic_tail")).toEqual(["/temperature", "/new"]);
    expect(".o_mqtt_new").toHaveCount(0);
});

test("they are counted while messages are selected", async () => {
    await mountList();
    await look();
    await contains(".o_data_row .o_list_record_selector input").click();
    arrive();
    arrive();
    await look();
    expect(".o_data_row").toHaveCount(1);
    expect(queryOne(".o_mqtt_new")).toHaveText("2 new");
    await contains(".o_mqtt_new").click();
    expect(".o_data_row").toHaveCount(3);
    expect(".o_mqtt_new").toHaveCount(0);
});

test("Pause, and Resume", async () => {
    await mountList();
    await look();
    await contains(".o_mqtt_pause").click();
    arrive();
    await look();
    expect(looks).toEqual([1]);
    expect(".o_data_row").toHaveCount(1);
    await contains(".o_mqtt_pause").click();
    await look();
    expect(looks).toEqual([1, 1]);
    expect(".o_data_row").toHaveCount(2);
});

test("a server that is away is asked again", async () => {
    await mountList();
    await look();
    let isAway = true;
    onRpc("mqtt.signal.history", "count_newer", () => {
        if (isAway) {
            throw new Error("away");
        }
    });
    arrive();
    await look();
    expect(".o_data_row").toHaveCount(1);
    isAway = false;
    await look();
    expect(".o_data_row").toHaveCount(2);
});

test("a search that finds nothing is told from an empty database", async () => {
    Message._records = [];
    await mountList({
        noContentHelp: markup`<p>No message yet</p>`,
        searchViewArch: `
            <search>
                <filter name="sent" string="Sent" domain="[('direction', '=', 'send')]" />
            </search>`,
    });
    expect(".o_nocontent_help").toHaveText("No message yet");
    await toggleSearchBarMenu();
    await toggleMenuItem("Sent");
    expect(".o_nocontent_help").toHaveText(/No message matches this search/);
});

test("what a row shows", async () => {
    await mountList();
    expect(".o_data_cell[name=direction] i").toHaveAttribute("aria-label", "Received");
    expect(".o_mqtt_topic_head").toHaveText("plant/hall");
    expect(".o_mqtt_topic_tail").toHaveText("/temperature");
    expect(".o_data_cell[name=timestamp]").toHaveText(/:30:00\.042/);
});
