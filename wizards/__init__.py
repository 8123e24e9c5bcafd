from . import mqtt_cancellation
from . import mqtt_connection_test
from . import mqtt_correction
