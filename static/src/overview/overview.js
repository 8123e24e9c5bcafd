import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {Layout} from "@web/search/layout";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {FirstSteps} from "../first_steps/first_steps";
import {useFreshData} from "./fresh_data";
import {Rates} from "./rates";
import {ServiceCard} from "./service_card";
import {Traffic} from "./traffic";

const TRAFFIC_SECONDS = 60; // between two readings of what changes by the minute

/** Where people land: what each service is doing, and what needs a person. */
export class Overview extends Component {
    static template = "mqtt_listener.Overview";
    static components = {FirstSteps, Layout, ServiceCard, Traffic};
    static props = {...standardActionServiceProps};
    static path = "mqtt-overview";
    static displayName = _t("Overview");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.rates = new Rates();
        this.display = {controlPanel: {}};
        this.state = useState({
            data: null,
            isGuided: false, // somebody goes through first steps
            isOutdated: false,
            traffic: null,
        });
        this.refresh = useFreshData(() => this.read());
    }

    async read() {
        // The first reading says what is wrong; later ones try again by themselves.
        const orm = this.state.data ? this.orm.silent : this.orm;
        try {
            const data = await orm.call("mqtt.service", "overview_data", [[]]);
            this.rates.add(data);
            Object.assign(this.state, {data, isOutdated: false});
            // Not waited for; that the server is away, the next reading finds out.
            this.readTraffic(data).catch(() => {});
        } catch (error) {
            if (!this.state.data) {
                throw error;
            }
            this.state.isOutdated = true;
        }
    }

    async readTraffic({now, services}) {
        if (services.length && !(now - this.trafficTime < TRAFFIC_SECONDS)) {
            this.trafficTime = now;
            const {silent} = this.orm;
            this.state.traffic = await silent.call("mqtt.service", "overview_traffic", [
                [],
            ]);
        }
    }

    get time() {
        const {now} = this.state.data;
        const format = luxon.DateTime.TIME_WITH_SECONDS;
        return luxon.DateTime.fromSeconds(now).toLocaleString(format);
    }

    /** @param {Object} need a row of `needs` of `overview_data` */
    async open({ids, method, model}) {
        const action = method
            ? await this.orm.call(model, method, [ids])
            : {
                  type: "ir.actions.act_window",
                  res_model: model,
                  res_id: ids[0],
                  views: [[false, "form"]],
              };
        return this.action.doAction(action);
    }
}

registry.category("actions").add("mqtt_listener.overview", Overview);
