import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useBus, useService} from "@web/core/utils/hooks";
import {NavBar} from "@web/webclient/navbar/navbar";
import {useFreshData} from "../overview/fresh_data";

const PERIOD = 30000; // milliseconds between two readings when nothing happens
const MOST = 99; // more than that is too many, however many

/** The number at the menu Problems. The menu is there for operators only. */
export class ProblemCount extends Component {
    static template = "mqtt_listener.ProblemCount";
    static props = {};

    setup() {
        this.orm = useService("orm");
        this.state = useState({count: 0});
        let isFirst = true;
        const refresh = useFreshData(() => {
            const reading = this.read();
            // Not waited for at first: no menu is late because of a number.
            const waited = isFirst ? undefined : reading;
            isFirst = false;
            return waited;
        }, PERIOD);
        // Who has solved a problem goes on to another page.
        useBus(this.env.bus, "ACTION_MANAGER:UI-UPDATED", refresh);
    }

    async read() {
        const {silent} = this.orm;
        try {
            this.state.count = await silent.call("mqtt.service", "problem_count", [[]]);
        } catch {
            // The server is away: the next reading finds it again.
        }
    }

    get text() {
        return this.state.count > MOST ? `${MOST}+` : String(this.state.count);
    }

    get label() {
        return _t("Problems: %s", this.text);
    }
}

// Odoo has no counters in menus. Of the ways to add one, an extension of the template is
// what Odoo's own addons use (website does); an entry of the systray would be public, but
// stand apart from the menu that it is about, and in all other apps.
NavBar.components = {...NavBar.components, MqttProblemCount: ProblemCount};
