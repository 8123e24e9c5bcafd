import {Component, useEffect, useRef, useState} from "@odoo/owl";
import {ModelFieldSelectorPopover} from "@web/core/model_field_selector/model_field_selector_popover";
import {_t} from "@web/core/l10n/translation";
import {usePopover} from "@web/core/popover/popover_hook";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {epochUnit, leaves} from "./json_path";
import {isMappable, KEY_TYPES, VALUE_TYPES} from "./mapped_field";

const MAX_VALUES = 200;
const MAX_CHARS = 60;

/** The values of a message; a click on one maps it to a field. */
export class Sample extends Component {
    static template = "mqtt_listener.Sample";
    static props = {...standardFieldProps};

    setup() {
        this.notification = useService("notification");
        this.fieldService = useService("field");
        this.popover = usePopover(ModelFieldSelectorPopover, {
            popoverClass: "o_popover_field_selector",
            onClose: () => this.addLine(),
        });
        this.mapTitle = _t("Map this value");
        this.mappedTitle = _t("Mapped");
        this.root = useRef("root");
        this.wantedPath = this.props.record.context.mqtt_mapped_path;
        useEffect(
            () => this.askForField(),
            () => [this.data.res_model, this.sample]
        );
        this.state = useState({chosenPart: null});
    }

    /**
     * A value that was chosen where the message was seen (action_map): its field is asked
     * for as soon as the kind of record is known.
     */
    askForField() {
        const path = this.wantedPath;
        const button =
            path &&
            this.data.res_model &&
            this.root.el?.querySelector(`[data-path="${CSS.escape(path)}"]`);
        if (button) {
            this.wantedPath = null;
            this.state.chosenPart = "value";
            button.click();
        }
    }

    /** What a click on a value adds: first what records are found by. */
    get part() {
        return this.state.chosenPart || (this.data.key_ids.count ? "value" : "key");
    }

    get data() {
        return this.props.record.data;
    }

    /** Not of this field, which is computed, but of the form. */
    get isReadonly() {
        return !this.props.record.isInEdition;
    }

    get sample() {
        return this.data[this.props.name];
    }

    /** What the message has, each with the line that it would become. */
    get values() {
        const {levels, text, time, is_json: isJson} = this.sample;
        const found = Object.entries(levels).map(([name, value]) =>
            this.describe({source: "level", value: name}, `{${name}}`, value)
        );
        this.isCut = false;
        if (isJson) {
            const {values, isCut} = leaves(this.sample.document, MAX_VALUES);
            this.isCut = isCut;
            for (const {path, name, value} of values) {
                const line = {source: "path", value: path};
                found.push(this.describe(line, name || path, value));
            }
        } else {
            found.push(this.describe({source: "text"}, _t("Payload"), text));
        }
        found.push(this.describe({source: "time"}, _t("Time of the message"), time));
        return found;
    }

    describe(line, name, value) {
        const text = typeof value === "string" ? value : JSON.stringify(value);
        return {
            line,
            name,
            value,
            key: `${line.source} ${line.value}`,
            text: text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text,
            isMapped: this.isMapped(line),
        };
    }

    isMapped(line) {
        const isSame = ({data}) =>
            data.source === line.source && (data.value || "") === (line.value || "");
        return ["key_ids", "value_ids", "default_ids"].some((part) =>
            this.data[part].records.some(isSame)
        );
    }

    /** Let the user choose the field for a value that was clicked. */
    choose(ev, value) {
        const resModel = this.data.res_model;
        if (!resModel) {
            this.notification.add(_t("Choose the kind of record first."), {
                type: "warning",
            });
            return;
        }
        const types = this.part === "key" ? KEY_TYPES : VALUE_TYPES;
        this.clicked = value;
        this.path = null;
        this.popover.open(ev.currentTarget, {
            resModel,
            path: "",
            filter: (field) => isMappable(field, types),
            followRelations: false,
            showSearchInput: true,
            update: (path) => {
                this.path = path;
            },
        });
    }

    async addLine() {
        if (!this.path) {
            return;
        }
        const {part} = this;
        const {fieldDef} = await this.fieldService.loadFieldInfo(
            this.data.res_model,
            this.path
        );
        const context = {
            default_part: part,
            default_field_name: this.path,
            default_source: this.clicked.line.source,
            default_value: this.clicked.line.value || false,
        };
        const isTime = ["date", "datetime"].includes(fieldDef.type);
        if (isTime && typeof this.clicked.value === "number") {
            context.default_time_format = epochUnit(this.clicked.value);
        }
        await this.data[`${part}_ids`].addNewRecord({context, mode: "readonly"});
        this.state.chosenPart = "value";
    }
}

registry.category("fields").add("mqtt_sample", {
    component: Sample,
    displayName: _t("Values of a message"),
    supportedTypes: ["json", "jsonb"],
});
