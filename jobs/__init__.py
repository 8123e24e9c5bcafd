# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import making
from . import ingest
from . import apart
from . import dispatch
from . import wake
from . import waiting
from . import again
from . import here
from . import in_order
from . import handle
from . import call
from . import mapping
from . import device_link
from . import devices
from . import readings
from . import reading_store
from . import gone
from . import replay
from . import decide
from . import remove
from . import publish
from . import request
from . import outage
from . import upkeep
