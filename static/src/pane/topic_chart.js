import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatInteger} from "@web/views/fields/formatters";
import {describeSeconds} from "../overview/durations";
import {SeriesChart} from "./series_chart";

/** The numbers in the payloads of a span: which there are, and those that are shown. */
export class TopicChart extends Component {
    static template = "mqtt_listener.TopicChart";
    static components = {SeriesChart};
    static props = {
        chart: Object, // as `topic_chart` returns it
        onToggled: Function, // called with the path of a series
    };

    get shown() {
        return this.props.chart.series.map(({path}) => path);
    }

    /** What is ahead of now is for clocks that are ahead; the chart ends with now. */
    get end() {
        const {begin, end, now} = this.props.chart;
        return begin < now ? Math.min(end, now) : end;
    }

    get series() {
        const {found, series} = this.props.chart;
        return series.map(({path, points}) => {
            const index = found.findIndex((one) => one.path === path);
            return {...found[index], index, points};
        });
    }

    get notes() {
        const {
            bucket_seconds: seconds,
            is_sampled: isSampled,
            messages,
            too_large: tooLarge,
        } = this.props.chart;
        const notes = [];
        if (seconds) {
            notes.push(
                _t(
                    "Each point is the mean of %s; the band is from the least to the greatest value.",
                    describeSeconds(seconds)
                )
            );
        }
        if (isSampled) {
            notes.push(
                _t(
                    "There are more messages than are read: of each point the first ones, %s in all.",
                    formatInteger(messages)
                )
            );
        }
        if (tooLarge) {
            notes.push(_t("Messages that are too large for the chart: %s.", tooLarge));
        }
        return notes;
    }
}
