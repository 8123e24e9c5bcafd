from . import mqtt_topic
from . import mqtt_live
from . import noting
from . import retention
from . import tree
