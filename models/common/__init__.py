from . import short_topics
