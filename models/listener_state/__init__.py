from . import mqtt_connection
from . import mqtt_paused_topic
from . import mqtt_receipt
