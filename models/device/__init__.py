# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import handler_kind
from . import mqtt_device_rule
from . import device_rule_checks
from . import device_availability
from . import mqtt_metric
from . import mqtt_device_tag
from . import mqtt_device
from . import device_state
from . import device_record
from . import mqtt_device_value
from . import mqtt_reading
from . import reading_minute
from . import reading_retention
from . import mqtt_rollup
from . import device_view
from . import device_chart
from . import suggestion
