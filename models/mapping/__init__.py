# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import mqtt_mapping
from . import mqtt_mapping_line
from . import mqtt_mapping_key
from . import checks
from . import guard
from . import suggestion
from . import targets
from . import mqtt_handler
