# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "MQTT fault injection",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "summary": "Breaks the listener and its jobs where make faults asks for it",
    "author": "mqtt_listener contributors",
    "license": "LGPL-3",
    "depends": ["mqtt_listener"],
    "data": ["security/ir.model.access.csv"],
    "post_load": "post_load",
}
