from . import spreadsheet
from . import topic_download
