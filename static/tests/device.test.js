import {chartShape, nearestPoint, spread} from "@mqtt_listener/device/chart_shape";
import {describe, expect, test} from "@odoo/hoot";

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
