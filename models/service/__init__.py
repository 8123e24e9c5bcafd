from . import mqtt_announcement
from . import mqtt_service
from . import lifecycle
from . import limits
from . import listener
from . import publish
from . import rate
from . import request
from . import status
from . import announce  # this and the next add to what those above say
from . import abilities
from . import references
from . import suspension
from . import tls
from . import checks
from . import redirect  # says where all that happened
from . import mqtt_subscription
