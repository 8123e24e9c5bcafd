# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import topic_chart
from . import topic_download
from . import topic_handlers
from . import topic_history
from . import topic_publish
from . import topic_retained
from . import topic_value
