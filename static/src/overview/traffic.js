import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatFloat, formatInteger} from "@web/views/fields/formatters";

const HEIGHT = 100;

/** What came lately: the last hour by minute, and the topics with the most messages. */
export class Traffic extends Component {
    static template = "mqtt_listener.Traffic";
    static props = {
        traffic: Object, // as `overview_traffic` returns it
    };

    get viewBox() {
        return `0 0 ${this.props.traffic.minutes.length} ${HEIGHT}`;
    }

    get highest() {
        return Math.max(...this.props.traffic.minutes, 1);
    }

    get bars() {
        const {minutes} = this.props.traffic;
        return minutes.map((count, index) => {
            const height = (HEIGHT * count) / this.highest;
            const time = luxon.DateTime.now().minus({minutes: minutes.length - index});
            return {
                x: index + 0.1,
                y: HEIGHT - height,
                height,
                title: _t("%(time)s: %(count)s messages", {
                    count: formatInteger(count),
                    time: time.toLocaleString(luxon.DateTime.TIME_SIMPLE),
                }),
            };
        });
    }

    get chartLabel() {
        const total = this.props.traffic.minutes.reduce((sum, count) => sum + count, 0);
        return _t("%(total)s messages in the last hour, at most %(highest)s a minute", {
            total: formatInteger(total),
            highest: formatInteger(this.highest),
        });
    }

    get topics() {
        const {topics} = this.props.traffic;
        return topics.map(({rate, topic}, index) => ({
            key: index, // topics are cut: two may look alike
            topic,
            levels: topic.slice(0, topic.lastIndexOf("/") + 1),
            lastLevel: topic.slice(topic.lastIndexOf("/") + 1),
            rate: formatFloat(rate, {digits: [16, rate < 10 ? 2 : 0]}),
            share: `${(100 * rate) / topics[0].rate}%`,
        }));
    }
}
