# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What breaks, beside the matrix: what is seen of it, and brokers that are odd."""

import os
import random
import signal
import socket

import pytest
from fake_broker import FakeBroker, LowestIdBroker, UnrulyBroker
from service import Numbers, Service, assert_exactly, publish

from dev.servers import Mosquitto, wait_until

LOAD = 3000  # messages published while something breaks


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_equal_messages_under_reused_identifiers(odoo, protocol):
    """Killed and cut off at any moment, equal messages are all there, each once."""
    count = 20_000
    chance = random.Random(protocol)
    with LowestIdBroker([("machine/1", b"ON")] * count) as broker:
        service = Service(
            odoo, broker, "machine/#", protocol=protocol, reconnect_min_delay=0.1
        )
        service.start()
        for round_ in range(8):
            mark = broker.acknowledged + chance.randint(1, count // 10)
            wait_until(lambda mark=mark: broker.acknowledged >= mark, 30, "it stands")
            if round_ % 2:
                os.kill(service.listener_pid, signal.SIGKILL)
            else:
                broker.cut()
        wait_until(lambda: broker.is_done, 60, "not all is acknowledged")
        service.wait_stored(count)
        wait_until(lambda: not service.read("waiting_count"), 30, "still waiting")
        assert len(service.rows()) == count
        service.stop()


@pytest.mark.parametrize(
    ("protocol", "ways"),
    [
        ("5", {"dup": False}),
        ("3.1.1", {"renumbers": True}),
        ("5", {"denies": True}),
        ("3.1.1", {"is_late": True}),
    ],
    ids=["no DUP", "numbered anew", "session denied", "behind newer"],
)
def test_brokers_that_break_rules(odoo, protocol, ways):
    """Whatever is sent again, and however: nothing is lost.

    What is stored twice was in flight when something broke.
    """
    count, window, breaks = 1000, 20, 4
    chance = random.Random(protocol)
    messages = [("machine/1", b"%d" % number) for number in range(count)]
    with UnrulyBroker(messages, window, **ways) as broker:
        service = Service(
            odoo, broker, "machine/#", protocol=protocol, reconnect_min_delay=0.1
        )
        service.start()
        for round_ in range(breaks):
            mark = broker.acknowledged + chance.randint(1, count // 10)
            wait_until(lambda mark=mark: broker.acknowledged >= mark, 30, "it stands")
            if round_ % 2:
                os.kill(service.listener_pid, signal.SIGKILL)
            else:
                broker.cut()
        wait_until(lambda: broker.is_done, 60, "not all is acknowledged")
        wait_until(lambda: not service.read("waiting_count"), 30, "still waiting")
        stored = [payload for (payload,) in service.rows("payload")]
        assert len(set(stored)) == count
        assert len(stored) <= count + 2 * breaks * window
        service.stop()


def test_a_dead_listener_is_seen(new_odoo, broker):
    """With nobody to take over, a killed listener is 'disconnected' at once."""
    with new_odoo(workers=2) as odoo:
        service = Service(odoo, broker, "x")
        service.start()
        pid = service.listener_pid
        os.kill(odoo.pid, signal.SIGSTOP)  # the master cannot start another
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: service.status == "disconnected", 2, "seems connected")
        assert service.read("connection_status") == "disconnected"
        os.kill(odoo.pid, signal.SIGCONT)
        service.wait_status("connected")


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_broker_restarted(odoo, folder, how):
    """The connection comes back by itself, with its session and all messages."""
    # It saves after each change, so that it forgets nothing even when it is killed.
    with Mosquitto(folder / f"mosquitto-{how}", autosave=1) as broker:
        service = Service(odoo, broker, "broker/#")
        service.start()
        # A backlog on its way: the listener stands still while all is published, and
        # the broker breaks while it catches up. (Not while it is published: a broker
        # that dies before its PUBACK gets a message twice, from the publisher.)
        listener = service.listener_pid
        os.kill(listener, signal.SIGSTOP)
        numbers = Numbers(broker, "broker/n", rate=300)
        numbers.start()
        numbers.wait_sent(LOAD // 3)
        count = numbers.finish()
        os.kill(listener, signal.SIGCONT)
        service.wait_stored(1)
        getattr(broker, how)()
        wait_until(lambda: service.status == "error", 5, "the loss is not seen")
        assert service.read("last_error")
        broker.start().wait_ready()
        service.wait_status("connected")
        assert_exactly(service, "broker/n", count)
        assert service.listener_pid == listener
        assert service.read("reconnect_count") >= 1
        assert not service.read("last_error")


def test_a_broker_that_falls_silent(odoo, folder):
    """A connection without traffic has to prove itself, and is renewed if it cannot."""
    with Mosquitto(folder / "mosquitto-silent") as broker:
        service = Service(odoo, broker, "silent/#", inactivity_timeout=1)
        service.start()
        broker.pause()
        wait_until(
            lambda: "silent" in (service.read("last_error") or ""), 30, "not noticed"
        )
        broker.resume()
        service.wait_status("connected")
        publish(broker, "silent/1", "x")
        service.wait_stored(1)


# The prefork server without its cron workers: when the database is away they die, and
# Odoo's master process then ends itself, for the service manager to start it again.
SERVERS = {"threaded": {"workers": 0}, "prefork": {"options": {"max_cron_threads": 0}}}


# Each way and each server once: the fault matrix has others.
@pytest.mark.parametrize(("how", "server"), [("kill", "prefork"), ("stop", "threaded")])
def test_the_database_away(new_odoo, broker, postgres, how, server):
    """While PostgreSQL is away the connection stays, and all is stored afterwards."""
    with new_odoo(**SERVERS[server]) as odoo:
        topic = f"db/{how}/{server}"
        service = Service(odoo, broker, f"{topic}/#")
        service.start()
        identifier = service.read("thread_identifier")
        numbers = Numbers(broker, f"{topic}/n")
        numbers.start()
        numbers.wait_sent(LOAD // 3)
        getattr(postgres, how)()
        numbers.wait_sent(numbers.sent + LOAD // 2)
        postgres.start().wait_ready()
        wait_until(lambda: answers(service), 30, "Odoo does not answer")
        service.wait_status("connected")
        assert_exactly(service, f"{topic}/n", numbers.finish())
        assert service.read("thread_identifier") == identifier, "it was connected anew"


def answers(service):
    try:
        return bool(service.status)
    except Exception:  # noqa: BLE001
        return False


def test_unusable_brokers_say_why(odoo, broker):
    """Status and last error name the reason; the log has no traceback per attempt."""
    mark = odoo.log_size()
    cases = {
        "refused": ({"port": closed_port()}, "Nothing answers"),
        "unknown name": ({"host": "no-such-host.invalid"}, "not known"),
        "odd name": ({"host": "bad..host"}, "not known"),
    }
    for name, (values, words) in cases.items():
        service = Service(odoo, broker, "x", **values)
        service.call("start_mqtt_service")
        service.wait_status("error")
        assert words in service.read("last_error"), name
        assert words in service.call("check_mqtt_status")["message"], name
        service.stop()
    assert "Traceback" not in odoo.log_text(mark)


def test_a_broker_that_refuses(odoo):
    """A refused login and a refused filter are shown; the other filters work."""
    with FakeBroker() as fake:
        service = Service(odoo, fake, "good", "refuse/this")
        users = {
            "no": "Username and Password",
            "old": "Protocol",
            "moved": "another server: Server moved: next.",
        }
        for user, words in users.items():
            service.call("write", {"username": user})
            service.call("restart_mqtt_service")
            wait_until(
                lambda words=words: words in (service.read("last_error") or ""),
                15,
                f"the last error does not say {words}",
            )
            assert service.status == "error"
        service.call("write", {"username": "yes"})
        service.call("restart_mqtt_service")
        service.wait_status("connected")

        def states():
            found = odoo.call(
                "mqtt.subscription",
                "search_read",
                [("service_id", "=", service.id)],
                fields=["topic_filter", "state", "refusal"],
            )
            return {one["topic_filter"]: one for one in found}

        wait_until(lambda: states()["refuse/this"]["state"] == "refused", 10, "unseen")
        assert "Not authorized" in states()["refuse/this"]["refusal"]
        assert states()["good"]["state"] == "granted"
        service.stop()
        wait_until(lambda: not service.read("thread_identifier"), 10, "not ended")


def test_another_client_takes_the_session_over(odoo, broker):
    """Who has the same client ID is reported, not fought; Start takes it back."""
    with FakeBroker() as fake:
        service = Service(odoo, fake, "over/#", username="taken over")
        service.call("start_mqtt_service")
        service.wait_status("error")
        wait_until(lambda: service.read("status") == "error", 5, "did not stand down")
        assert "same client ID" in service.read("last_error")
        assert "same client ID" in service.call("check_mqtt_status")["message"]
        wait_until(lambda: not service.read("thread_identifier"), 5, "not ended")
    service.call("write", {"username": False, "host": broker.host, "port": broker.port})
    service.start()
    publish(broker, "over/1", "x")
    service.wait_stored(1)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_node_that_is_kept_out(new_odoo, broker):
    """``enabled = False``: it serves HTTP and jobs, and never listens."""
    listening = new_odoo(workers=2)
    kept_out = new_odoo(workers=2, mqtt={"enabled": False})
    with listening, kept_out:
        service = Service(kept_out, broker, "out/#")
        service.start()
        assert service.listener_pid in listening.processes()
        listening.kill()
        wait_until(lambda: service.status == "disconnected", 10, "seems connected")
        publish(broker, "out/1", "x")
        kept_out.wait_log("the listener is disabled on this node", 1)
        assert service.status == "disconnected"
        assert not service.rows()
        listening.start().wait_ready()
        service.wait_status("connected")
        service.wait_stored(1)


def test_receiving_is_spread_by_a_shared_subscription(odoo, broker):
    """Two services in one group get each message once between them."""
    shared = "$share/odoo/spread/#"
    services = [Service(odoo, broker, shared, name=f"Plant {n}") for n in (1, 2)]
    for service in services:
        service.start()
    numbers = Numbers(broker, "spread/n", limit=LOAD)
    numbers.start()
    numbers.wait_sent(LOAD)
    assert numbers.finish() == LOAD

    def stored():
        return [len(service.rows()) for service in services]

    wait_until(lambda: sum(stored()) >= LOAD, 60, "not all is stored")
    payloads = [payload for one in services for (payload,) in one.rows("payload")]
    assert sorted(map(int, payloads)) == list(range(LOAD))
    assert min(stored()) > LOAD // 10, "one has nearly all"


def test_a_lost_session_is_shown(odoo, folder):
    """A broker that forgets its sessions is told of on the form."""
    with Mosquitto(folder / "mosquitto-forgets", autosave=1) as broker:
        service = Service(odoo, broker, "forgets/#")
        service.start()
        assert not service.read("session_loss")
        broker.kill()
        (broker.directory / "mosquitto.db").unlink()
        broker.start().wait_ready()
        service.wait_status("connected")
        wait_until(lambda: service.read("session_loss"), 10, "nothing is said")
        assert "lost the session" in service.read("session_loss")
        service.call("action_session_loss_seen")
        assert not service.read("session_loss")
