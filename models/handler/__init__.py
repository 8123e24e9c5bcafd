from . import mqtt_grant
from . import mqtt_handler
from . import maintenance
from . import guard
from . import suspension
from . import probe
from . import mqtt_handler_tally
