# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import mqtt_grant
from . import mqtt_handler
from . import backlog
from . import checks
from . import declared
from . import guard
from . import maintenance
from . import matching
from . import probe
from . import statistics
from . import suspension
from . import mqtt_handler_statistics
