import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {deserializeDateTime} from "@web/core/l10n/dates";
import {useService} from "@web/core/utils/hooks";
import {formatInteger} from "@web/views/fields/formatters";
import {useFreshData} from "../overview/fresh_data";

const PERIOD = 1000; // milliseconds between two readings: somebody waits for it
const SHOWN = ["topic", "timestamp", "payload_view", "payload_kind"];

/** The last steps: the first message that was stored, and what can be made of it. */
export class MessageStep extends Component {
    static template = "mqtt_listener.FirstSteps.Message";
    static props = {
        onDone: Function,
        serviceId: Number,
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({service: null, message: null});
        useFreshData(() => this.read(), PERIOD);
    }

    async read() {
        const {serviceId} = this.props;
        const orm = this.state.service ? this.orm.silent : this.orm;
        const [{services}, messages] = await Promise.all([
            orm.call("mqtt.service", "overview_data", [[serviceId]]),
            this.state.message ||
                orm.searchRead("mqtt.signal.history", this.domain, SHOWN, {
                    limit: 1,
                    order: "sequence, id",
                }),
        ]);
        this.state.service = services[0];
        this.state.message ||= messages[0] || null;
    }

    get domain() {
        return [["service_id", "=", this.props.serviceId]];
    }

    get time() {
        const time = deserializeDateTime(this.state.message.timestamp);
        return time.toLocaleString(luxon.DateTime.TIME_WITH_SECONDS);
    }

    get received() {
        return _t(
            "%s messages were received so far.",
            formatInteger(this.state.service.received)
        );
    }

    openMessages() {
        return this.action.doAction("mqtt_listener.mqtt_signal_history_action", {
            additionalContext: {search_default_service_id: this.props.serviceId},
        });
    }

    makeHandler() {
        const {id, topic} = this.state.message;
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("New Handler"),
            res_model: "mqtt.handler",
            views: [[false, "form"]],
            context: {
                default_name: topic.split("/").pop(),
                default_pattern: topic,
                default_service_id: this.props.serviceId,
                mqtt_try_message_id: id,
            },
        });
    }
}
