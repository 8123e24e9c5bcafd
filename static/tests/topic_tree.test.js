import {RateWindow} from "@mqtt_listener/live/rate_window";
import {TopicTree} from "@mqtt_listener/live/topic_tree";
import {describe, expect, test} from "@odoo/hoot";

describe.current.tags("desktop");

const SERVICE = {id: 1, name: "Plant", is_live: true, topics: 3};
const now = 1000;
const branch = (name, values) => ({
    name,
    messages: 1,
    time: now,
    topics: 2,
    ...values,
});
const topic = (name, value) => branch(name, {size: 5, topics: 0, value});

test("rates: of the last ten seconds, in few points", () => {
    const window = new RateWindow();
    window.add(0, 100);
    expect(window.rate).toBe(undefined);
    for (let time = 1; time <= 1000; time++) {
        window.add(time / 2, 100 + 5 * time);
    }
    expect(window.rate).toBe(10);
    expect(window.points.length).toBeLessThan(9);
    window.add(520, 5100);
    expect(window.rate).toBe(0);
    window.add(521, 3); // of another database
    expect(window.rate).toBe(undefined);
});

test("the tree: what is not shown is forgotten", () => {
    const tree = new TopicTree();
    tree.setServices([SERVICE]);
    const asked = [{service_id: 1, prefix: "", limit: 200}];
    const rows = [branch("a"), branch("b")];
    tree.update({now, levels: [{...asked[0], rows, total: 2}]}, asked);
    tree.toggle(tree.lines[0]);
    expect(tree.branches(tree.lines).map(({prefix}) => prefix)).toEqual(["", "a/"]);
    const below = [{service_id: 1, prefix: "a/", limit: 200}];
    tree.update(
        {now, levels: [{...below[0], rows: [topic("x", "1")], total: 1}]},
        below
    );
    expect(tree.levels.size).toBe(2);
    tree.toggle(tree.lines[0]);
    tree.branches(tree.lines);
    expect(tree.levels.size).toBe(1);
});

test("the tree: so many branches are open at most", () => {
    const tree = new TopicTree();
    tree.setServices([SERVICE]);
    for (let number = 0; number < 100; number++) {
        tree.toggle({isOpen: false, key: ` 1 ${number}`});
        tree.togglePin(1, String(number));
    }
    expect(tree.open.size).toBe(40);
    expect(tree.open.has("service 1")).toBe(true);
    expect(tree.pins.length).toBe(20);
});
