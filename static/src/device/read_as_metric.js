import {_t} from "@web/core/l10n/translation";
import {pathActions} from "../pane/topic_pane";

/** Begins a metric with the value that is picked in the pane of a topic. */
async function readAsMetric({services: {action, orm}}, {messageId, path}) {
    const opened = await orm.call("mqtt.signal.history", "action_read_as_metric", [
        [messageId],
        path,
    ]);
    return action.doAction(opened);
}

pathActions.add("read_as_metric", {
    label: _t("Read as Metric"),
    isShown: ({data}) => data.may_configure,
    run: readAsMetric,
});
