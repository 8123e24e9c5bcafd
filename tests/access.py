# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What clients can call of the addon, found in the registry rather than listed."""

from odoo.exceptions import AccessError
from odoo.models import BaseModel
from odoo.service.model import get_public_method

OWN = "odoo.addons.mqtt_listener."
OWN_TESTS = f"{OWN}tests."


def public_methods(env):
    """``{(model, method)}`` of the addon's methods that can be called by RPC.

    What Odoo's models have themselves is left out: create, write and the like, which
    the access rights of the models are about.
    """
    found = set()
    for model in env.values():
        for cls in filter(_is_own, type(model).mro()):
            found |= {
                (model._name, name)
                for name, value in vars(cls).items()
                if callable(value) and _is_public(model, name)
            }
    return found


def _is_own(cls):
    module = cls.__module__
    return module.startswith(OWN) and not module.startswith(OWN_TESTS)


def _is_public(model, name):
    # ``base`` has what modules add to all models, such as those that pages call.
    if hasattr(BaseModel, name) or hasattr(type(model.env["base"]), name):
        return False
    try:
        return bool(get_public_method(model, name))
    except AccessError:
        return False
