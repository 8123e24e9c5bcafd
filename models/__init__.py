from . import common
from . import extensions
from . import handler
from . import listener_state
from . import queue
from . import service
from . import message
from . import mapping
