# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import controllers
from . import models
from . import jobs
from . import wizards
from .hooks import uninstall_hook
from .listener import MQTT_THREADS
from .listener.server import post_load
from .mqtt.handler import mqtt_handler
from .mqtt.handler import mqtt_response
