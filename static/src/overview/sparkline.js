import {Component} from "@odoo/owl";

const WIDTH = 120;
const HEIGHT = 32;
const SHORTEST = 12; // values that fill the width; fewer leave it empty at the left

/** A line of numbers without axes, from zero up to the largest of them. */
export class Sparkline extends Component {
    static template = "mqtt_listener.Sparkline";
    static props = {
        label: String, // what somebody hears who cannot see it
        values: {type: Array, element: Number}, // oldest first
    };

    get viewBox() {
        return `0 0 ${WIDTH} ${HEIGHT}`;
    }

    get points() {
        const {values} = this.props;
        const highest = Math.max(...values, 1);
        const step = WIDTH / (Math.max(values.length, SHORTEST) - 1);
        const start = WIDTH - step * (values.length - 1);
        return values.map((value, index) => [
            start + index * step,
            1 + (HEIGHT - 2) * (1 - value / highest),
        ]);
    }

    get line() {
        return this.points.map((point) => point.join(",")).join(" ");
    }

    get area() {
        const [[first]] = this.points;
        return `${first},${HEIGHT} ${this.line} ${WIDTH},${HEIGHT}`;
    }
}
