import {registry} from "@web/core/registry";

/**
 * What can be made of a value that is picked in the pane of a topic: entries with a
 * `label`, `run` (called with the environment and `{serviceId, topic, messageId, path}`)
 * and optionally `isShown` (of `{data, path}`).
 */
export const pathActions = registry.category("mqtt_listener.path_actions");

/**
 * Adds a button for those who configure; it opens what a method of the message returns.
 *
 * @param {String} name of the entry
 * @param {String} label
 * @param {String} method of `mqtt.signal.history`, which is given the path
 */
export function addFormOfPath(name, label, method) {
    pathActions.add(name, {
        label,
        isShown: ({data}) => data.may_configure,
        run: async ({services: {action, orm}}, {messageId, path}) => {
            const args = [[messageId], path];
            return action.doAction(await orm.call("mqtt.signal.history", method, args));
        },
    });
}
