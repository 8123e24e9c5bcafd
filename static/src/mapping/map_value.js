import {_t} from "@web/core/l10n/translation";
import {addFormOfPath} from "../pane/path_actions";

addFormOfPath("map_value", _t("Map this Value"), "action_map");
