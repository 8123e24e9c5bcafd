from . import mqtt_signal_history
from . import hour
from . import insert
from . import state
from . import topic_filter
