from . import mqtt_mapping
from . import mqtt_mapping_line
from . import mqtt_mapping_key
from . import checks
from . import guard
from . import suggestion
from . import targets
from . import mqtt_handler
