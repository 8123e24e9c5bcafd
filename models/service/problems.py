# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.tools import LazyTranslate

from ...mqtt.reference import binding_of

_lt = LazyTranslate(__name__)

# What the listener reports as ``Problem`` of broker/problem.py, by its code. The values
# are those of `_problem_values`; `detail` is what the problem carries.
PROBLEMS = {
    # Reaching the broker
    "name_unknown": _lt("The name %(host)s is not known: check Host."),
    "refused": _lt(
        "Nothing answers on %(host)s:%(port)s. Check that the broker runs, and check "
        "Port."
    ),
    "unreachable": _lt("%(host)s cannot be reached: %(detail)s"),
    "timeout": _lt("%(host)s:%(port)s does not answer in time."),
    "closed_early": _lt(
        "The broker closed the connection before it answered the login: check "
        "Protocol, Port and TLS."
    ),
    "websocket": _lt(
        "%(host)s:%(port)s does not offer MQTT over WebSockets: check Port, Websocket "
        "Path, and the headers that the broker requires."
    ),
    "lost": _lt("The connection to the broker was lost. %(detail)s"),
    "jobs": _lt(
        "Received messages are not stored because no job can be created: %(detail)s"
    ),
    "silent": _lt("The broker fell silent; the connection was renewed."),
    # The login
    "credentials": _lt("The broker refused the login: check Username and Password."),
    "not_authorized": _lt(
        "The broker refused the login (not authorized): check Username and Password, "
        "and what the broker allows this user."
    ),
    "protocol": _lt(
        "The broker does not support this version of MQTT, or not MQTT at all: check "
        "Protocol and Port."
    ),
    "client_id": _lt("The broker refused the client ID."),
    "taken_over": _lt(
        "Another client connected with the same client ID and took over the session. "
        "Find that client, then start this service again."
    ),
    "busy": _lt("The broker is not available now: %(detail)s"),
    "other": _lt("The broker refused the connection: %(detail)s"),
    "will_qos": _lt(
        "The broker does not accept the QoS of the announcement “Connection lost”: "
        "choose a lower one."
    ),
    "will_retain": _lt(
        "The broker does not keep retained messages, and the announcement “Connection "
        "lost” is one: switch its Retain off."
    ),
    # Endings of a connection
    "ended_protocol": _lt(
        "The broker ended the connection because it considers something that this "
        "service sent a protocol error: %(detail)s"
    ),
    "ended_not_authorized": _lt(
        "The broker ended the connection because it does not allow this user something "
        "that the service did: see its access control list. (%(detail)s)"
    ),
    "ended_keepalive": _lt(
        "The broker ended the connection because it heard nothing from this service "
        "for longer than Keepalive allows. Check whether this server or the network "
        "was overloaded."
    ),
    "ended": _lt("The broker ended the connection: %(detail)s"),
    "subscription_closed": _lt(
        "The broker closed the connection when this filter was subscribed."
    ),
    "short_lived": _lt(
        "The connection was lost soon after the login, %(detail)s times in a row: "
        "another client may use this client ID. Check that no other service, server or "
        "copy of this database connects with it."
    ),
    "violation": _lt(
        "The broker broke the rules of MQTT; the connection was renewed: %(violation)s."
    ),
    # Other servers. Not followed unless asked for: the password would go where nobody
    # has said it may.
    "moved": _lt(
        "The broker asks clients to use another server: %(detail)s. Enter it as Host, "
        "or switch Follow Redirects on, and start the service again."
    ),
    "redirected": _lt("The broker sends the service to %(detail)s."),
    "redirect_loop": _lt(
        "The broker redirected the service, and so did the next server, %(detail)s "
        "times in a row. The operators of the brokers have to correct this."
    ),
    "redirect_unreadable": _lt(
        "The broker asks clients to use another server, but its name cannot be read: "
        "%(detail)s"
    ),
    # TLS
    "certificate_ended": _lt(
        "The broker's certificate has ended: its operator has to renew it."
    ),
    "certificate_not_yet": _lt(
        "The broker's certificate is not valid yet. Check the clocks of both machines."
    ),
    "certificate_name": _lt(
        "The broker's certificate is for another name than %(host)s: enter one of its "
        "names as Host (Test Connection shows them)."
    ),
    "certificate_self_signed": _lt(
        "The broker's certificate is signed by itself: if it is the right one, enter "
        "it as Authorities."
    ),
    "certificate_unknown": _lt(
        "The authority that signed the broker's certificate is not trusted: enter its "
        "certificate as Authorities."
    ),
    "certificate_other": _lt("The broker's certificate is refused: %(detail)s"),
    "no_tls": _lt(
        "%(host)s:%(port)s does not speak TLS: check Port, or switch TLS off."
    ),
    "tls_closed": _lt(
        "The broker closed the connection while TLS was set up. Check that this port "
        "uses TLS, and whether the broker requires a different client certificate."
    ),
    "tls_version": _lt(
        "The broker offers only versions of TLS before 1.2, which are not safe."
    ),
    "client_certificate_missing": _lt(
        "The broker requires a client certificate: enter Client Certificate and "
        "Private Key."
    ),
    "client_certificate_refused": _lt(
        "The broker refused the client certificate. Check that an authority that the "
        "broker trusts has signed it, and that it is not revoked. (%(detail)s)"
    ),
    "alpn": _lt("The broker accepts none of the names in ALPN."),
    "tls_other": _lt("TLS failed: %(detail)s"),
    "tls_setup": _lt("%(tls_setup)s"),
    # The configuration
    "unsendable": _lt(
        "%(field)s cannot be sent to a broker: a text may have 65,535 bytes at most "
        "and no NUL character, a number has to be in its range."
    ),
    "headers": _lt(
        "Websocket Headers: each line has to be a name, a colon and a value."
    ),
    "secret_missing": _lt(
        "%(detail)s is not set where the listener or the job runs: set it for that "
        "server, and restart it."
    ),
    "secret_unbound": _lt(
        "%(reference)s is not allowed for this broker. The administrator of the server "
        "has to add %(entry)s to %(binding)s."
    ),
    "options_unreadable": _lt(
        "%(detail)s cannot be read where the listener or the job runs. Check that it "
        "is a valid configuration file, with the lines of multi-line values indented."
    ),
}
# By the code of a TlsError.
TLS_SETUP = {
    "authorities": _lt(
        "Authorities is not a certificate in PEM format: it has to begin with "
        "-----BEGIN CERTIFICATE-----."
    ),
    "certificate": _lt(
        "Client Certificate is not a certificate in PEM format: it has to begin with "
        "-----BEGIN CERTIFICATE-----."
    ),
    "certificate_missing": _lt(
        "There is a Private Key without a Client Certificate: enter the certificate, "
        "or remove the key."
    ),
    "certificate_ended": _lt(
        "Client Certificate has ended: enter the renewed certificate."
    ),
    "key": _lt(
        "Private Key cannot be read: it has to be in PEM format, and to begin with "
        "-----BEGIN … PRIVATE KEY-----."
    ),
    "key_missing": _lt("Client Certificate needs its Private Key: enter it."),
    "key_password": _lt(
        "Private Key is encrypted, and Password of the Key does not decrypt it."
    ),
    "key_mismatch": _lt("Private Key does not belong to Client Certificate."),
}
# By what ``Client.violation`` says.
VIOLATIONS = {
    "qos_3": _lt("it sent a message with QoS 3"),
    "unknown_packet": _lt("it sent a packet that clients never receive"),
    "alias": _lt("it used a topic alias that it had not defined"),
    "second_connack": _lt("it answered the login twice"),
    "packet_id_0": _lt("it sent a message with packet identifier 0"),
    "empty_topic": _lt("it sent a message without a topic"),
    "malformed": _lt("it sent a packet that cannot be read"),
}


class MqttService(models.Model):
    """What is wrong with a connection, in words that a person can act on."""

    _inherit = "mqtt.service"

    def _describe_problem(self, code, detail):
        """The sentence for a problem.

        :param code: of a ``Problem``; one that is not known is a refusal.
        :param detail: what the problem carries: a text of the broker or of the system,
            a number, or the name of a setting; empty where the code says it all.
        """
        text = self.env._(PROBLEMS.get(code, PROBLEMS["other"]))
        described = (text % self._problem_values(code, detail)).strip()
        other = self.env.context.get("mqtt_server", self.connected_to)
        if other and not code.startswith("redirect"):
            # The sentences name Host and Port, which are the service's own.
            return self.env._(
                "%(problem)s (The service was sent to %(server)s.)",
                problem=described,
                server=other,
            )
        return described

    def _problem_values(self, code, detail):
        values = {"host": self.host or "", "port": self.port, "detail": detail}
        if tried := self.env.context.get("mqtt_tried"):  # host:port
            values["host"], _colon, values["port"] = tried.rpartition(":")
        if code == "unsendable":
            is_field = detail in self._fields
            values["field"] = self._label(detail) if is_field else detail
        elif code == "violation":
            violation = VIOLATIONS.get(detail, VIOLATIONS["malformed"])
            values["violation"] = self.env._(violation)
        elif code == "tls_setup":
            values["tls_setup"] = self.env._(TLS_SETUP[detail])
        elif code == "secret_unbound":
            reference, _blank, entry = detail.partition(" ")
            values.update(
                reference=reference, entry=entry, binding=binding_of(reference)
            )
        return values
