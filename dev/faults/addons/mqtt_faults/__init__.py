from . import jobs
from .listener import post_load
