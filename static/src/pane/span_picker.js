import {Component} from "@odoo/owl";
import {DateTimeInput} from "@web/core/datetime/datetime_input";
import {_t} from "@web/core/l10n/translation";

const OWN = "own";
const SPANS = [
    {seconds: 300, label: _t("Last 5 minutes")},
    {seconds: 3600, label: _t("Last hour")},
    {seconds: 86400, label: _t("Last day")},
    {seconds: 604800, label: _t("Last week")},
];

/** The span that is shown as long as nobody has chosen another. */
export const FIRST_SPAN = SPANS[0].seconds;

/**
 * A span of time, as the server takes it: the number of seconds up to now; or begin and
 * end, in seconds since 1970.
 */
export class SpanPicker extends Component {
    static template = "mqtt_listener.SpanPicker";
    static components = {DateTimeInput};
    static props = {
        onPicked: Function, // called with a span
        span: {type: [Number, Array]},
    };

    setup() {
        this.spans = SPANS;
        this.own = OWN;
    }

    get isOwn() {
        return Array.isArray(this.props.span);
    }

    get bounds() {
        return this.props.span.map((seconds) => luxon.DateTime.fromSeconds(seconds));
    }

    onSelected({target}) {
        const {span} = this.props;
        const now = Math.ceil(Date.now() / 1000);
        this.props.onPicked(
            target.value === OWN ? [now - span, now] : Number(target.value)
        );
    }

    onBound(index, moment) {
        if (moment) {
            const span = [...this.props.span];
            span[index] = moment.toSeconds();
            this.props.onPicked(span);
        }
    }
}
