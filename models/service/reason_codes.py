# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
def describe_reason(env, reason):
    """What a broker refused a subscription or a message for, in words.

    :param reason: a reason code's name (MQTT 5.0 section 2.4) and, behind a colon, the
        broker's own words if it sent any; as the listener reports it.
    :return: the words, with the reason behind them; the reason alone where its name
        says it all.
    """
    name = reason.partition(":")[0]
    words = {
        "Not authorized": env._(
            "The broker does not allow it to this user: see its access control list"
        ),
        "Topic filter invalid": env._("The broker does not accept this topic filter"),
        "Topic name invalid": env._("The broker does not accept this topic"),
        "Quota exceeded": env._("The broker's limit for this client is reached"),
        "Packet too large": env._("It is larger than the broker allows"),
        "Payload format invalid": env._(
            "The payload is not what its payload format says"
        ),
        "Retain not supported": env._("The broker does not keep retained messages"),
        "QoS not supported": env._("The broker does not offer this QoS"),
        "Shared subscription not supported": env._(
            "The broker knows no shared subscriptions: use a filter without $share"
        ),
        "Wildcard subscription not supported": env._(
            "The broker allows no + and # in topic filters"
        ),
        "Overlap in part": env._(
            "The broker does not tell through which filter a message comes, so it "
            "would be stored twice where this filter and that one overlap: use one "
            "filter that covers both, or two services"
        ),
        "Connection closed": env._(
            "The broker closes the connection when this is subscribed, so it is left "
            "out until it is changed or the service is restarted"
        ),
        "Unspecified error": env._("The broker refused it without saying why"),
        "Implementation specific error": env._(
            "The broker refused it for a reason of its own"
        ),
    }.get(name)
    return f"{words} ({reason})" if words else reason
