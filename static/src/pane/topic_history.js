import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatInteger} from "@web/views/fields/formatters";
import {describeMoment} from "./moments";

/** The messages of a span, the newest first. */
export class TopicHistory extends Component {
    static template = "mqtt_listener.TopicHistory";
    static props = {
        history: Object, // as `topic_history` returns it
        onPicked: Function, // called with the id of a message
        shownId: {type: [Number, Boolean]}, // the message whose value is shown
    };

    describeMoment(seconds) {
        return describeMoment(seconds);
    }

    get more() {
        const {more, has_more_than_counted: isMore} = this.props.history;
        const count = formatInteger(more);
        return isMore ? _t("more than %s", count) : count;
    }
}
