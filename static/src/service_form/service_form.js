import {registry} from "@web/core/registry";
import {FormController} from "@web/views/form/form_controller";
import {formView} from "@web/views/form/form_view";

const TESTS = ["action_test_connection"]; // buttons that need nothing to be saved

/** The form of a service: Test Connection tries what is typed, before it is saved. */
export class ServiceFormController extends FormController {
    async beforeExecuteActionButton(clickParams) {
        const record = this.model.root;
        const isTyped = record.isNew || (await record.isDirty());
        if (!TESTS.includes(clickParams.name) || !isTyped) {
            return super.beforeExecuteActionButton(...arguments);
        }
        const changes = await record.getChanges();
        const ids = record.isNew ? [] : [record.resId];
        const action = await this.orm.call(
            "mqtt.service",
            "action_test_typed",
            [ids, changes],
            {context: record.context}
        );
        await this.env.services.action.doAction(action);
        return false; // it is done, and nothing was saved
    }
}

registry.category("views").add("mqtt_service_form", {
    ...formView,
    Controller: ServiceFormController,
});
