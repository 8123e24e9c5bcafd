import {Component, onWillStart, onWillUpdateProps, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {KeepLast} from "@web/core/utils/concurrency";
import {useService} from "@web/core/utils/hooks";
import {formatFloat} from "@web/views/fields/formatters";
import {HEIGHT, WIDTH, chartShape, nearestPoint} from "./chart_shape";

const {DateTime} = luxon;
const SHORTEST_WAIT = 60; // seconds between two readings of the same chart

/** A metric of a device over time: mean as a line, minimum to maximum as a band. */
export class DeviceChart extends Component {
    static template = "mqtt_listener.DeviceChart";
    static props = {
        deviceId: Number,
        metric: Object, // a chip of `widget_data`
        version: Number, // of what is shown beside it: another one has it read anew
    };

    setup() {
        this.orm = useService("orm");
        this.keepLast = new KeepLast();
        this.state = useState({data: null, span: "day", cursor: null});
        this.spans = [
            {name: "day", label: _t("Day"), hint: _t("By minute over 24 hours")},
            {name: "month", label: _t("Month"), hint: _t("By hour over 31 days")},
            {name: "year", label: _t("Year"), hint: _t("By hour over 366 days")},
            {name: "all", label: _t("All"), hint: _t("By day")},
        ];
        onWillStart(() => this.read(this.props));
        onWillUpdateProps((props) => {
            this.read(props);
        });
    }

    /** Reads it, unless the same is shown and has no new point yet. */
    async read({deviceId, metric}) {
        const {silent} = this.orm;
        const args = [[deviceId], metric.metric_id, this.state.span];
        const subject = args.join();
        if (subject !== this.subject) {
            Object.assign(this.state, {data: null, cursor: null});
        } else if (Date.now() < this.due) {
            return;
        }
        Object.assign(this, {subject, due: Infinity}); // not while it is being read
        try {
            const reading = silent.call("mqtt.device", "chart_data", args);
            const data = await this.keepLast.add(reading);
            const wait = data.points.length ? Math.max(data.step, SHORTEST_WAIT) : 0;
            this.due = Date.now() + wait * 1000;
            this.state.data = data;
        } catch {
            // The server is away: what is shown stays until it is back.
            this.due = 0;
        }
    }

    async show(span) {
        Object.assign(this.state, {span, cursor: null});
        this.due = 0;
        await this.read(this.props);
    }

    get points() {
        return this.state.data?.points || [];
    }

    get shape() {
        return chartShape(this.state.data);
    }

    get viewBox() {
        return `0 0 ${WIDTH} ${HEIGHT}`;
    }

    get cursor() {
        const point = this.points[this.state.cursor];
        return point && {point, x: this.shape.place(point)[0]};
    }

    format(value) {
        const digits = Math.abs(value) < 100 ? 2 : Math.abs(value) < 1000 ? 1 : 0;
        const {unit} = this.props.metric;
        // No template in a template: of these, the minifier of assets leaves out blanks.
        const number = formatFloat(value, {digits: [16, digits]});
        return unit ? number + " " + unit : number;
    }

    time(seconds) {
        const format =
            this.state.data.step === 86400
                ? DateTime.DATE_MED
                : this.state.span === "day"
                  ? DateTime.TIME_SIMPLE
                  : DateTime.DATETIME_SHORT;
        return DateTime.fromSeconds(seconds).toLocaleString(format);
    }

    get label() {
        const lowest = Math.min(...this.points.map((point) => point[1]));
        const highest = Math.max(...this.points.map((point) => point[2]));
        return _t("%(name)s: from %(lowest)s to %(highest)s", {
            name: this.props.metric.name,
            lowest: this.format(lowest),
            highest: this.format(highest),
        });
    }

    /** What the chart says in words: of the point at the cursor, or of all. */
    get words() {
        if (!this.cursor) {
            return this.label;
        }
        const [time, minimum, maximum, mean] = this.cursor.point;
        return _t("%(time)s: mean %(mean)s, minimum %(minimum)s, maximum %(maximum)s", {
            time: this.time(time),
            mean: this.format(mean),
            minimum: this.format(minimum),
            maximum: this.format(maximum),
        });
    }

    onPointer({currentTarget, clientX}) {
        const {left, width} = currentTarget.getBoundingClientRect();
        const {begin, end} = this.state.data;
        const time = begin + ((clientX - left) / width) * (end - begin);
        this.state.cursor = nearestPoint(this.points, time);
    }

    onKeydown(event) {
        const last = this.points.length - 1;
        const now = this.state.cursor ?? last;
        const moves = {
            ArrowLeft: Math.max(now - 1, 0),
            ArrowRight: Math.min(now + 1, last),
            Home: 0,
            End: last,
        };
        if (event.key in moves) {
            event.preventDefault();
            this.state.cursor = moves[event.key];
        }
    }
}
