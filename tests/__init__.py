from importlib.util import find_spec

from . import test_abilities
from . import test_access
from . import test_announcements
from . import test_broker_limits
from . import test_client
from . import test_connection
from . import test_connection_test
from . import test_dead_letters
from . import test_dispatch
from . import test_handler
from . import test_handler_trial
from . import test_inbox
from . import test_ingest
from . import test_large_messages
from . import test_large_payloads
from . import test_message
from . import test_pacing
from . import test_pattern
from . import test_payload_limits
from . import test_publish
from . import test_publish_action
from . import test_publish_order
from . import test_quarantine
from . import test_rate
from . import test_receipts
from . import test_redirect
from . import test_references
from . import test_request
from . import test_service
from . import test_subscriptions
from . import test_suspension
from . import test_tls
from . import test_topic

if find_spec("hypothesis"):  # not asked of those who use tests/common.py for their own
    from . import test_properties
