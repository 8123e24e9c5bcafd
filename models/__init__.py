# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import common
from . import extensions
from . import handler
from . import listener_state
from . import queue
from . import service
from . import topic
from . import message
from . import pane
from . import device
from . import mapping
