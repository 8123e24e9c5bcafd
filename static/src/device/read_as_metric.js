import {_t} from "@web/core/l10n/translation";
import {addFormOfPath} from "../pane/path_actions";

addFormOfPath("read_as_metric", _t("Read as Metric"), "action_read_as_metric");
