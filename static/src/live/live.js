import {
    Component,
    markRaw,
    onMounted,
    onWillStart,
    onWillUnmount,
    useState,
} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {user} from "@web/core/user";
import {useService} from "@web/core/utils/hooks";
import {useDebounced} from "@web/core/utils/timing";
import {Layout} from "@web/search/layout";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {usePace} from "../pane/pace";
import {TopicPane} from "../pane/topic_pane";
import {asOf} from "./as_of";
import {TopicList} from "./topic_list";
import {TopicTree} from "./topic_tree";

const PERIOD = 500; // milliseconds between two readings, at least
const SHARE = 5; // times as long as the server took, at least, between two readings
const AFTER_TICK = 700; // until a reading that finds what came during the first one
const IDLE_PERIOD = 5000; // while the bus says nothing
const PERIOD_WITHOUT_BUS = 2000;
const SERVICES_PERIOD = 2000; // between two readings of the states of services, at least
const TYPING = 300;
const CHANNEL = "mqtt_listener.live";

/** What comes now: the topics of services as a tree, and everything about one of them. */
export class Live extends Component {
    static template = "mqtt_listener.Live";
    static components = {Layout, TopicList, TopicPane};
    static props = {...standardActionServiceProps};
    static path = "mqtt-live";
    static displayName = _t("Live");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.bus = useService("bus_service");
        this.ui = useState(useService("ui"));
        this.display = {controlPanel: {}};
        this.shown = [];
        this.asked = new Set(); // levels of the last reading
        this.tree = new TopicTree(this.readKept());
        const {
            service_id: serviceId,
            text = "",
            topic,
        } = this.props.action.params || {};
        const hasTopic = topic !== undefined && serviceId;
        this.state = useState({
            active: undefined,
            isOutdated: false,
            lines: [],
            now: 0,
            problem: "",
            selected: hasTopic
                ? {serviceId: Number(serviceId), topic: String(topic)}
                : null,
            text: String(text),
            tick: 0,
        });
        this.tree.text = this.state.text.trim();
        this.pace = usePace(() => this.readLevels(), PERIOD);
        this.servicesPace = usePace(() => this.readServices(), SERVICES_PERIOD);
        this.searchSoon = useDebounced(() => this.search(), TYPING);
        onWillStart(() => this.start());
        onMounted(() => this.listen());
        onWillUnmount(() => this.leave());
    }

    async start() {
        await this.servicesPace.run();
        this.shown = this.tree.lines;
        await this.pace.run();
    }

    listen() {
        this.onTick = () => {
            this.pace.ask();
            browser.clearTimeout(this.afterTick);
            this.afterTick = browser.setTimeout(() => this.pace.ask(), AFTER_TICK);
        };
        this.onChanged = () => this.servicesPace.ask();
        this.bus.addChannel(CHANNEL);
        this.bus.subscribe("mqtt_listener/live", this.onTick);
        this.bus.subscribe("mqtt_listener/service_changed", this.onChanged);
        this.timer = browser.setInterval(() => this.onTime(), 1000);
        this.keepAddress();
    }

    leave() {
        this.bus.unsubscribe("mqtt_listener/live", this.onTick);
        this.bus.unsubscribe("mqtt_listener/service_changed", this.onChanged);
        this.bus.deleteChannel(CHANNEL);
        browser.clearInterval(this.timer);
        browser.clearTimeout(this.afterTick);
    }

    onTime() {
        const isConnected = this.bus.workerState === "CONNECTED";
        const period = isConnected ? IDLE_PERIOD : PERIOD_WITHOUT_BUS;
        if (Date.now() - this.lastReading >= period) {
            this.pace.ask();
            this.servicesPace.ask();
        }
    }

    /** Calls a method of all services; undefined if the server did not answer. */
    async call(method, ...args) {
        // The first reading says what is wrong; later ones try again by themselves.
        const orm = this.state.now ? this.orm.silent : this.orm;
        try {
            const result = await orm.call("mqtt.service", method, [[], ...args]);
            this.state.isOutdated = false;
            return result;
        } catch (error) {
            if (!this.state.now) {
                throw error;
            }
            this.state.isOutdated = true;
        }
    }

    async readServices() {
        const services = await this.call("live_services");
        if (services) {
            const ids = String(services.map(({id}) => id));
            if (this.serviceIds !== undefined && this.serviceIds !== ids) {
                this.bus.forceUpdateChannels(); // there is one of each service
            }
            this.serviceIds = ids;
            this.tree.setServices(services);
            this.refreshLines();
        }
    }

    async readLevels() {
        this.lastReading = Date.now();
        const {text} = this.tree;
        const asked = this.tree.branches(this.shown);
        this.asked = new Set(this.shown.map(({level}) => level));
        const answer = await this.call("live_levels", asked, text);
        // A large tree takes the server no larger a share of its time.
        const duration = Date.now() - this.lastReading;
        this.pace.period = Math.min(Math.max(PERIOD, SHARE * duration), IDLE_PERIOD);
        if (!answer || text !== this.tree.text) {
            return;
        }
        const isNew = this.tree.update(answer, asked);
        Object.assign(this.state, {now: answer.now, problem: answer.problem});
        this.state.tick += 1;
        this.refreshLines();
        if (isNew || answer.is_behind) {
            this.pace.ask();
        }
    }

    refreshLines() {
        this.state.lines = markRaw(this.tree.lines);
    }

    onShown(lines) {
        this.shown = lines;
        const isNew = ({kind, level}) => kind === "reading" && !this.asked.has(level);
        if (lines.some(isNew)) {
            this.pace.ask();
        }
    }

    onActive({key}) {
        this.state.active = key;
    }

    onToggle(line) {
        this.tree.toggle(line);
        this.refreshLines();
        this.keep();
        this.pace.ask();
    }

    onMore(line) {
        if (line.canShowMore) {
            this.tree.showMore(line);
            this.pace.ask();
        }
    }

    onPin({service, topic}) {
        this.tree.togglePin(service.id, topic);
        this.refreshLines();
        this.keep();
    }

    onSelect(line) {
        if (line.isTopic) {
            this.select({serviceId: line.service.id, topic: line.topic});
        } else {
            this.onToggle(line);
        }
    }

    select(selected) {
        this.state.selected = selected;
        this.keepAddress();
    }

    get isPaneOnly() {
        return this.ui.isSmall && Boolean(this.state.selected);
    }

    /** What has to be said of the tree as a whole. */
    get remark() {
        if (this.state.problem) {
            return this.state.problem;
        }
        const full = this.tree.services.filter((service) => service.is_full);
        if (full.length) {
            return _t(
                "%s: further topics are left out, as there are too many.",
                full[0].name
            );
        }
        const [only, ...others] = this.tree.services;
        if (!only || others.length) {
            return "";
        }
        const state = `${only.name}: ${only.state_label}`;
        return only.is_live ? state : `${state}, ${asOf(only, this.state.now)}`;
    }

    get selectedKey() {
        const {selected} = this.state;
        return selected ? `${selected.serviceId} ${selected.topic}` : undefined;
    }

    onSearch(ev) {
        this.state.text = ev.target.value;
        this.searchSoon();
    }

    search() {
        this.tree.search(this.state.text.trim());
        this.state.problem = "";
        this.refreshLines();
        this.keepAddress();
        this.shown = this.state.lines;
        this.pace.ask();
    }

    /** The branch or topic that keys act on, with buttons of its own. */
    get activeLine() {
        const line = this.state.lines.find(({key}) => key === this.state.active);
        return line?.topic === undefined ? undefined : line;
    }

    openMessages({kind, service, topic}) {
        const context = {search_default_service_id: service.id};
        if (kind !== "service") {
            context.search_default_topic_filter = `${topic}/#`;
        }
        return this.action.doAction("mqtt_listener.mqtt_signal_history_action", {
            additionalContext: context,
        });
    }

    // What is kept

    get storageKey() {
        return `mqtt_listener.live.${user.userId}`;
    }

    readKept() {
        try {
            return JSON.parse(browser.localStorage.getItem(this.storageKey)) || {};
        } catch {
            return {};
        }
    }

    keep() {
        browser.localStorage.setItem(this.storageKey, JSON.stringify(this.tree.kept));
    }

    keepAddress() {
        const {selected, text} = this.state;
        this.props.updateActionState?.({
            service_id: selected?.serviceId,
            text: text || undefined,
            topic: selected?.topic,
        });
    }
}

registry.category("actions").add("mqtt_listener.live", Live);
