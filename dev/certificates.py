# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The certificates of the Odoo tests, for the tools as well.

The tests are shipped with the addon and the tools are not, so the file is theirs; as a
part of their package it could only be imported within Odoo.
"""

from importlib.util import module_from_spec, spec_from_file_location

from . import paths

_spec = spec_from_file_location(__name__, paths.CHECKOUT / "tests/certificates.py")
_module = module_from_spec(_spec)
_spec.loader.exec_module(_module)
Identity = _module.Identity
