from . import mqtt_connection_test
