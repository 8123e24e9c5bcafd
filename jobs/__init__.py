from . import ingest
from . import dispatch
from . import in_order
from . import handle
from . import call
from . import replay
from . import publish
from . import request
