# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Windows that buttons open."""


def open_records(env, name, domain, **context):
    """The action of a list, for some of its records.

    :param name: of the action among the XML ids of this addon.
    :param domain: of the records.
    :param context: of the list, in place of the action's own.
    """
    action = env["ir.actions.act_window"]._for_xml_id(f"mqtt_listener.{name}")
    return {**action, "domain": list(domain), "context": context}
