import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useAutofocus, useService} from "@web/core/utils/hooks";
import {formatInteger} from "@web/views/fields/formatters";
import {branchesOf, covers} from "./branches";
import {describeRefusal} from "./refusal";

/** The second step: which topics there are, and which of them to receive. */
export class ListenStep extends Component {
    static template = "mqtt_listener.FirstSteps.Listen";
    static props = {
        onReceiving: Function, // with the id of the new service, and its filters
        values: Object, // as `first_steps_connect` returns them
    };

    setup() {
        this.orm = useService("orm");
        this.formatInteger = formatInteger;
        this.state = useState({
            prefix: "",
            isEverything: false,
            isListening: false,
            isStarting: false,
            refusal: "",
            found: null,
            ticked: [],
        });
        useAutofocus({refName: "prefix"});
    }

    async listen() {
        const {prefix, isEverything} = this.state;
        const {values} = this.props;
        Object.assign(this.state, {isListening: true, refusal: "", found: null});
        try {
            const found = await this.orm.call("mqtt.service", "first_steps_listen", [
                values,
                prefix,
                isEverything,
            ]);
            const branches = branchesOf(found.filter, found.topics);
            this.state.found = {...found, branches};
            // What is there to choose from is chosen; of several, the user chooses.
            this.state.ticked = branches.length === 1 ? branches : [];
        } catch (error) {
            this.state.refusal = describeRefusal(error);
        } finally {
            this.state.isListening = false;
        }
    }

    async receive() {
        const {ticked} = this.state;
        Object.assign(this.state, {isStarting: true, refusal: ""});
        try {
            const id = await this.orm.call("mqtt.service", "first_steps_receive", [
                this.props.values,
                ticked,
            ]);
            this.props.onReceiving(id, ticked);
        } catch (error) {
            this.state.refusal = describeRefusal(error);
            this.state.isStarting = false;
        }
    }

    isTicked(filter) {
        return this.state.ticked.includes(filter);
    }

    /** Whether a topic comes anyway, because its branch is ticked. */
    isCovered(topic) {
        const {found} = this.state;
        return found.branches.some(
            (branch) => this.isTicked(branch) && covers(branch, topic)
        );
    }

    /** A branch takes the place of its topics. */
    toggle(filter) {
        const {found, ticked} = this.state;
        const isBranch = found.branches.includes(filter);
        this.state.ticked = this.isTicked(filter)
            ? ticked.filter((one) => one !== filter)
            : [...ticked.filter((one) => !isBranch || !covers(filter, one)), filter];
    }

    describeBranch(branch) {
        const {topics} = this.state.found;
        const count = topics.filter(({topic}) => covers(branch, topic)).length;
        return _t("the whole branch, %s topics now", formatInteger(count));
    }

    describeValue({preview, size}) {
        return preview || (size ? _t("%s bytes", formatInteger(size)) : _t("empty"));
    }

    get receiveLabel() {
        const {ticked} = this.state;
        if (ticked.length === 1) {
            return _t("Receive %s", ticked[0]);
        }
        return _t("Receive %s topics", formatInteger(ticked.length));
    }
}
