# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "MQTT benchmark",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "summary": "What make bench measures, and what it compares with",
    "author": "mqtt_listener contributors",
    "license": "LGPL-3",
    "depends": ["mqtt_listener"],
    "data": ["security/ir.model.access.csv"],
}
