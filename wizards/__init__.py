# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import mqtt_decision  # what the next ones inherit
from . import mqtt_cancellation
from . import mqtt_connection_test
from . import first_steps
from . import mqtt_correction
from . import mqtt_handler_trial
from . import mqtt_handler_trial_run
from . import mqtt_mapping_preview
from . import mqtt_publish
from . import mqtt_replacement
