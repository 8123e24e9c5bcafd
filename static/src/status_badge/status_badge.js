import {useEffect} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {BadgeField, badgeField} from "@web/views/fields/badge/badge_field";

/** A badge that changes by itself, and with it the record that it belongs to. */
export class MqttStatusBadge extends BadgeField {
    setup() {
        super.setup();
        const liveRecords = useService("mqtt_listener.live_records");
        useEffect(
            () => liveRecords.watch(() => this.props.record),
            () => []
        );
    }
}

registry.category("fields").add("mqtt_status_badge", {
    ...badgeField,
    component: MqttStatusBadge,
});
