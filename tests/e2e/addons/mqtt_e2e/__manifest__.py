# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "MQTT end-to-end tests",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "summary": "Handlers that tests kill, poison and watch",
    "author": "mqtt_listener contributors",
    "license": "LGPL-3",
    "depends": ["mqtt_listener"],
    "data": ["security/ir.model.access.csv"],
}
