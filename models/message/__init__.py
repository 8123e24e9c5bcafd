# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import mqtt_signal_history
from . import columns
from . import correction
from . import insert
from . import interval
from . import large_payload
from . import newer
from . import payload_view
from . import retention
from . import state
from . import topic_filter
