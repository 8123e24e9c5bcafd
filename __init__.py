from . import controllers
from . import models
from . import jobs
from . import wizards
from .listener import MQTT_THREADS
from .listener.server import post_load
from .mqtt.handler import mqtt_handler
from .mqtt.response import mqtt_response
