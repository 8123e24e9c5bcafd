from . import item, message
