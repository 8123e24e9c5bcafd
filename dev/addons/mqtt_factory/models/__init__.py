from . import machine
from . import reading
