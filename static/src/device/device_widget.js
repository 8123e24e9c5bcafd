import {Component, onWillUpdateProps, useState} from "@odoo/owl";
import {useFreshData} from "@mqtt_listener/overview/fresh_data";
import {Sparkline} from "@mqtt_listener/overview/sparkline";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {user} from "@web/core/user";
import {KeepLast} from "@web/core/utils/concurrency";
import {useService} from "@web/core/utils/hooks";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";
import {spread} from "./chart_shape";
import {DeviceChart} from "./device_chart";

const {DateTime} = luxon;
const DEVICE = "mqtt.device";
const LEVELS = {online: "success", silent: "warning", offline: "danger"};
const CHARTED = ["number", "yes_no"];

/**
 * The device of a record, on any form: `<widget name="mqtt_device"/>`. It shows state, last
 * values, a chart and the last messages of the device that belongs to the record, and
 * nothing where there is none.
 */
export class DeviceWidget extends Component {
    static template = "mqtt_listener.DeviceWidget";
    static components = {DeviceChart, Sparkline};
    static props = {...standardWidgetProps};

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        this.state = useState({data: null, messages: null, chosen: null, version: 0});
        this.refresh = useFreshData(() => {
            // The form is not kept waiting for it.
            const reading = this.read(this.props.record);
            return this.state.data ? reading : undefined;
        });
        onWillUpdateProps(({record}) => {
            if (record.resId !== this.props.record.resId) {
                Object.assign(this.state, {data: null, messages: null, chosen: null});
                this.read(record);
            }
        });
    }

    get isDevice() {
        return this.props.record.resModel === DEVICE;
    }

    async read(record) {
        try {
            this.state.data = await this.keepLast.add(this.fetch(record));
            this.state.version += 1;
            if (this.state.data && this.state.messages) {
                await this.readMessages();
            }
        } catch {
            // The server is away: what is shown stays until it is back.
        }
    }

    async fetch({resId, resModel}) {
        if (!resId || !(await user.hasGroup("mqtt_listener.group_user"))) {
            return null;
        }
        const args = resModel === DEVICE ? [[resId]] : [[], resModel, resId];
        return this.orm.silent.call(DEVICE, "widget_data", args);
    }

    async readMessages() {
        const {id} = this.state.data;
        const messages = await this.orm.silent.call(DEVICE, "last_messages", [[id]]);
        // Another record may be shown by now.
        if (this.state.data?.id === id) {
            this.state.messages = messages;
        }
    }

    get level() {
        return LEVELS[this.state.data.state];
    }

    get chips() {
        return this.state.data.values.map((value) => ({
            ...value,
            age: this.relative(value.time),
            isCharted: CHARTED.includes(value.kind),
            isChosen: value === this.charted,
            line: value.recent.length > 1 ? spread(value.recent) : null,
            lineLabel: _t("%s over the last 24 hours", value.name),
        }));
    }

    /** The value whose chart is shown: the chosen one; of a device's own form, the first. */
    get charted() {
        const charted = this.state.data.values.filter(({kind}) =>
            CHARTED.includes(kind)
        );
        const {chosen} = this.state;
        return (
            charted.find(({metric_id: id}) => id === chosen) ||
            (this.isDevice && chosen === null && charted[0]) ||
            undefined
        );
    }

    relative(time) {
        const moment = DateTime.fromISO(time, {zone: "utc"});
        return DateTime.now() - moment < 5000 ? _t("just now") : moment.toRelative();
    }

    choose(chip) {
        this.state.chosen = chip.isChosen ? false : chip.metric_id;
    }

    async toggleMessages() {
        if (this.state.messages) {
            this.state.messages = null;
        } else {
            await this.readMessages();
        }
    }

    openDevice() {
        return this.open(DEVICE, this.state.data.id);
    }

    open(resModel, resId) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: resModel,
            res_id: resId,
            views: [[false, "form"]],
        });
    }

    publish() {
        const {service_id: serviceId, topic} = this.state.data;
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Publish"),
            res_model: "mqtt.publish",
            views: [[false, "form"]],
            target: "new",
            context: {default_service_id: serviceId, default_topic: topic},
        });
    }
}

registry.category("view_widgets").add("mqtt_device", {component: DeviceWidget});
