from . import mqtt_batch
from . import mqtt_dispatch
from . import mqtt_failure
from . import mqtt_ordered_message
from . import mqtt_outgoing
from . import mqtt_quarantine
from . import mqtt_replay
from . import mqtt_request
from . import dead_letter
from . import queue_job
from . import sets
from . import replace
from . import guard  # before what the others do with it
