import {markup} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {kanbanView} from "@web/views/kanban/kanban_view";
import {KanbanController} from "@web/views/kanban/kanban_controller";
import {KanbanRenderer} from "@web/views/kanban/kanban_renderer";
import {ListController} from "@web/views/list/list_controller";
import {ListRenderer} from "@web/views/list/list_renderer";
import {listView} from "@web/views/list/list_view";
import {useNewMessages} from "./new_messages";

/** New messages are shown as they come. */
const live = (Controller) =>
    class extends Controller {
        setup() {
            super.setup();
            this.newMessages = useNewMessages(this.model, this.rootRef);
        }
    };

/** An empty page says whether there is nothing, or nothing found. */
const honest = (Renderer, template) =>
    class extends Renderer {
        static template = template;

        get emptyHelp() {
            if (!this.env.searchModel?.facets.length) {
                return this.props.noContentHelp;
            }
            return markup`<p class="o_view_nocontent_smiling_face">${_t(
                "No message matches this search"
            )}</p><p>${_t("Remove a filter to see more messages.")}</p>`;
        }
    };

registry.category("views").add("mqtt_messages_list", {
    ...listView,
    Controller: live(ListController),
    Renderer: honest(ListRenderer, "mqtt_listener.MessagesListRenderer"),
    buttonTemplate: "mqtt_listener.NewMessages",
});
registry.category("views").add("mqtt_messages_kanban", {
    ...kanbanView,
    Controller: live(KanbanController),
    Renderer: honest(KanbanRenderer, "mqtt_listener.MessagesKanbanRenderer"),
    buttonTemplate: "mqtt_listener.NewMessages",
});
