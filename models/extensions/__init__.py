# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import judged
from . import ir_actions_server
from . import ir_actions_server_publish
from . import ir_cron
from . import ir_websocket
from . import res_config_settings
