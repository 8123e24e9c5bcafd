import {Component, onWillStart, onWillUnmount, useEffect, useRef} from "@odoo/owl";
import {loadBundle} from "@web/core/assets";
import {cookie} from "@web/core/browser/cookie";
import {getColor, hexToRGBA} from "@web/core/colors/colors";
import {_t} from "@web/core/l10n/translation";
import {formatFloat} from "@web/views/fields/formatters";
import {describeMoment} from "./moments";

const DOTS = 60; // points that have a dot each; of more only the line is seen
const DIGITS = 6; // that say something of a number on the screen

/** @param {Number} value */
function describeNumber(value) {
    const digits = Number.isInteger(value) ? 0 : DIGITS;
    const shown = Math.abs(value) < 1e15 ? value : Number(value.toPrecision(DIGITS));
    return formatFloat(shown, {digits: [16, digits], trailingZeros: false});
}

/** One number of a topic over time. */
export class SeriesChart extends Component {
    static template = "mqtt_listener.SeriesChart";
    static props = {
        begin: Number, // seconds since 1970
        color: Number, // of a palette
        end: Number,
        kind: String, // number or boolean
        label: String,
        points: Array, // time and value; or time, mean, least and greatest
    };

    setup() {
        this.canvas = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => this.draw(),
            () => [this.props.points, this.props.begin, this.props.end]
        );
        onWillUnmount(() => this.chart?.destroy());
    }

    get isBoolean() {
        return this.props.kind === "boolean";
    }

    describe(value) {
        return this.isBoolean ? String(Boolean(value)) : describeNumber(value);
    }

    get last() {
        const {points} = this.props;
        return points.length ? this.describe(points.at(-1)[1]) : "–";
    }

    get summary() {
        const {label, points} = this.props;
        if (!points.length) {
            return _t("%s: no value in this span", label);
        }
        const least = points.map((point) => point[2] ?? point[1]);
        const greatest = points.map((point) => point[3] ?? point[1]);
        return _t("%(label)s: least %(least)s, greatest %(greatest)s, last %(last)s", {
            label,
            least: this.describe(least.reduce((one, other) => Math.min(one, other))),
            greatest: this.describe(
                greatest.reduce((one, other) => Math.max(one, other))
            ),
            last: this.last,
        });
    }

    get datasets() {
        const {points} = this.props;
        const color = getColor(this.props.color, cookie.get("color_scheme"), "sm");
        const series = (column, values) => ({
            data: points.map((point) => ({x: point[0] * 1000, y: point[column]})),
            pointRadius: 0,
            stepped: this.isBoolean,
            ...values,
        });
        const line = series(1, {
            borderColor: color,
            backgroundColor: color,
            borderWidth: 2,
            pointRadius: points.length > DOTS ? 0 : 2,
        });
        if (!points.length || points[0].length < 3) {
            return [line];
        }
        const edge = {borderWidth: 0, pointHitRadius: 0, isBand: true};
        return [
            line,
            series(2, edge),
            series(3, {...edge, fill: "-1", backgroundColor: hexToRGBA(color, 0.2)}),
        ];
    }

    draw() {
        const {datasets} = this;
        if (this.chart) {
            this.chart.data.datasets = datasets;
            Object.assign(this.chart.options.scales.x, this.span);
            this.chart.update("none");
            return;
        }
        this.chart = new window.Chart(this.canvas.el, {
            type: "line",
            data: {datasets},
            options: this.options,
        });
    }

    get span() {
        return {min: this.props.begin * 1000, max: this.props.end * 1000};
    }

    get options() {
        const {color} = getComputedStyle(this.canvas.el);
        const grid = {color: "rgba(128, 128, 128, 0.25)"};
        const tickOfBoolean = (value) => (Number.isInteger(value) ? `${!!value}` : "");
        return {
            animation: false,
            maintainAspectRatio: false,
            interaction: {mode: "nearest", axis: "x", intersect: false},
            plugins: {
                legend: {display: false},
                tooltip: {
                    filter: ({dataset}) => !dataset.isBand,
                    callbacks: {
                        title: ([{parsed}]) => describeMoment(parsed.x / 1000),
                        label: ({dataIndex}) => this.describePoint(dataIndex),
                    },
                },
            },
            scales: {
                x: {
                    type: "time",
                    ...this.span,
                    ticks: {color, maxRotation: 0, autoSkipPadding: 16},
                    grid,
                },
                y: {
                    ...(this.isBoolean ? {min: 0, max: 1} : {grace: "5%"}),
                    ticks: {
                        color,
                        maxTicksLimit: 5,
                        ...(this.isBoolean ? {callback: tickOfBoolean} : {}),
                    },
                    grid,
                },
            },
        };
    }

    describePoint(index) {
        const [, value, least, greatest] = this.props.points[index] || [];
        if (least === undefined || least === greatest) {
            return this.describe(value);
        }
        return _t("%(value)s (%(least)s to %(greatest)s)", {
            value: this.describe(value),
            least: this.describe(least),
            greatest: this.describe(greatest),
        });
    }
}
