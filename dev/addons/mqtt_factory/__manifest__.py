# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "MQTT Factory",
    "version": "19.0.1.0.0",
    "category": "Technical",
    "summary": "Example: what machines say over MQTT, as records of Odoo",
    "author": "mqtt_listener contributors",
    "license": "LGPL-3",
    "depends": ["mqtt_listener"],
    "data": [
        "security/ir.model.access.csv",
        "views/factory_views.xml",
        "data/handler.xml",
        "data/mapping.xml",
        "data/devices.xml",
    ],
    "application": True,
}
