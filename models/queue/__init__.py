# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import mqtt_batch
from . import mqtt_dispatch
from . import mqtt_failure
from . import mqtt_ordered_message
from . import mqtt_outbox
from . import mqtt_quarantine
from . import mqtt_replay
from . import mqtt_request
from . import dead_letter
from . import guard
from . import queue_job
from . import sets
from . import template
from . import replace
