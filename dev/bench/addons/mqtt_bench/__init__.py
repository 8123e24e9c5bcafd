from . import item, message, note, poison
