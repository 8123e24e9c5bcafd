import { onWillUnmount } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { BadgeField, badgeField } from "@web/views/fields/badge/badge_field";

/**
 * A badge that changes by itself: the listener tells the bus when the connection of a
 * service changed, and the record is read again, unless somebody is editing it.
 */
export class MqttStatusBadge extends BadgeField {
    setup() {
        super.setup();
        const bus = useService("bus_service");
        const onChange = ({ id }) => {
            const { record } = this.props;
            if (record.resId === id && !record.dirty) {
                record.load();
            }
        };
        bus.subscribe("mqtt_listener/service_changed", onChange);
        bus.start();
        onWillUnmount(() => bus.unsubscribe("mqtt_listener/service_changed", onChange));
    }
}

registry.category("fields").add("mqtt_status_badge", {
    ...badgeField,
    component: MqttStatusBadge,
});
