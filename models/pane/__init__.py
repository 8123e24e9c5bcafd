from . import topic_history
from . import topic_value
