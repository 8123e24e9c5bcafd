import {_t} from "@web/core/l10n/translation";
import {pathActions} from "../pane/topic_pane";

/** Begins a mapping with the value that is picked in the pane of a topic. */
async function mapValue({services: {action, orm}}, {messageId, path}) {
    const opened = await orm.call("mqtt.signal.history", "action_map", [
        [messageId],
        path,
    ]);
    return action.doAction(opened);
}

pathActions.add("map_value", {
    label: _t("Map this Value"),
    isShown: ({data}) => data.may_configure,
    run: mapValue,
});
