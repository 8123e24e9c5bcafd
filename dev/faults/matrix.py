# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is broken, and how: one function a fault.

Each gets a world in which messages are published, breaks one thing in it, repairs what
does not repair itself, and returns when that is done. What they return is the moment
from which recovery counts, where that is not the moment of their return.
"""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from ..process import wait_until
from .fault import FAULTS, fault
from .link import DOWN, UP
from .publisher import BEAT
from .steps import RECONNECT, RESTART, STEPS
from .world import DATABASE, KEEPALIVE, World

__all__ = ["FAULTS"]  # which the functions below fill

KEEPALIVE_NOTICED = 3.0  # seconds after which PostgreSQL's keepalive finds a node gone
LATE = "mqtt.faults.late._on_message"  # the handler that a test has raise
RUNNER = r" (\d+) INFO \S+ odoo\.addons\.queue_job\.jobrunner\.runner: "  # in the log
MOST_JOBS = 200  # of messages that a handler fails for, in a round
CUTS = 10  # of all connections to the database, in a round


# Processes


@fault("listener process killed")
def kill_listener(world: World) -> float:
    """SIGKILL; the server starts another."""
    pid = world.listener_pid
    os.kill(pid, signal.SIGKILL)
    struck = time.monotonic()
    world.wait_connected(unless=pid)
    return struck


@fault("whole Odoo killed, then started")
def kill_odoo(world: World) -> None:
    """SIGKILL of master and children."""
    world.nodes[0].kill()
    world.nodes[0].start()


@fault("job worker killed in ingest")
def kill_in_ingest(world: World) -> None:
    """SIGKILL when all is written and nothing committed."""
    world.spring("ingest")


@fault("job worker killed in ingest, when handlers have run")
def kill_where_stored(world: World) -> None:
    """SIGKILL when quick handlers have run in the job that stores."""
    world.spring("where stored")


@fault("job worker killed between ingest and dispatch")
def kill_between(world: World) -> None:
    """SIGKILL when the messages are stored and nothing is handled."""
    world.dispatch_apart()
    world.spring("between")


@fault("job worker killed in dispatch")
def kill_in_dispatch(world: World) -> None:
    """SIGKILL when all handlers have run and nothing is committed."""
    world.dispatch_apart()
    world.spring("dispatch")


@fault("job workers killed at random")
def kill_workers(world: World) -> None:
    """SIGKILL of both HTTP workers, whatever they do."""
    for pid in world.workers():
        os.kill(pid, signal.SIGKILL)
        time.sleep(world.chance.random() / 2)


@fault("job workers stopped (SIGSTOP) for 60 s under load")
def stop_workers(world: World) -> None:
    """All HTTP workers stand still, with the jobs that they have begun."""
    with world.stopped(world.workers()):
        world.keep_publishing_for(15 if world.is_short else 60)


@fault("job runner off for 5 minutes")
def stop_runner(world: World) -> None:
    """No job is begun; messages are received and acknowledged."""
    with world.stopped(world.workers(RUNNER)):
        world.keep_publishing_for(15 if world.is_short else 300)


@fault("handler that always raises")
def raise_in_handler(world: World) -> None:
    """Then it is mended, resumed, and what has failed is requeued.

    What a job that did not know of it yet had wait for the handler, cron releases.
    """
    world.needs_cron = True
    node = world.nodes[0]
    trap = world.set_trap("raises")
    suspended = "SELECT suspended_since IS NOT NULL FROM mqtt_handler WHERE name = %s"
    world.keep_publishing(lambda: world.ask(suspended, LATE) == (True,))
    world.keep_publishing_for(3 if world.is_short else 20)
    (jobs,) = world.ask("SELECT count(*) FROM queue_job WHERE mqtt_message_id > 0")
    if jobs > MOST_JOBS:
        world.events.append(f"{jobs} jobs of single messages")
    trap.unlink()
    handlers = node.call("mqtt.handler", "search", [["name", "=", LATE]])
    node.call("mqtt.handler", "action_resume", handlers)
    failed = node.call("queue.job", "search", [["state", "=", "failed"]])
    node.call("queue.job", "action_mqtt_requeue", failed)


@fault("listener raises in each callback and step", rate=400)
def raise_everywhere(world: World) -> None:
    """Before or after the step, whatever state that leaves behind."""
    for step, how in STEPS.items():
        provoke = {
            RECONNECT: world.link.cut,
            RESTART: lambda: restart_service(world),
        }.get(how)
        if world.publisher.left <= 0:
            world.publisher.publish(100)
        world.spring(step, world.chance.choice(("before", "after")), provoke)
    world.wait_connected()


def restart_service(world: World) -> None:
    """Press the button."""
    world.nodes[0].call("mqtt.service", "restart_mqtt_service", [world.service])


# PostgreSQL


@fault("PostgreSQL restarted, fast")
def restart_postgres(world: World) -> None:
    """SIGINT: sessions end, a checkpoint is written."""
    world.postgres.stop()
    world.postgres.start().wait_ready()


@fault("PostgreSQL restarted, immediate")
def crash_postgres(world: World) -> None:
    """SIGQUIT: it ends as in a crash, and recovers from its log."""
    world.postgres.signal(signal.SIGQUIT)
    wait_until(lambda: not world.postgres.is_running(), 30, "PostgreSQL still runs")
    world.postgres.start().wait_ready()


@fault("PostgreSQL away for 30 s")
def take_postgres_away(world: World) -> None:
    """Messages go on coming meanwhile."""
    world.postgres.stop()
    world.keep_publishing_for(30)
    world.postgres.start().wait_ready()


@fault("connections to PostgreSQL cut mid-transaction")
def cut_sessions(world: World) -> None:
    """All sessions of the database terminated, again and again."""
    for _ in range(CUTS):
        world.postgres.query(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            DATABASE,
        )
        time.sleep(world.chance.random() / CUTS)


# Broker and network


@fault("broker restarted, with persistence", in_order=False)
def restart_broker(world: World) -> None:
    """SIGTERM, while messages are on their way to the listener.

    Mosquitto 2.0.11 then sends what is published first after its start before what it
    had queued: seen by its packet identifiers, which follow each other.
    """
    world.publisher.hold()
    world.broker.restart().wait_ready()
    world.publisher.go_on()


@fault("broker stopped for longer than the keepalive (SIGSTOP)")
def freeze_broker(world: World) -> None:
    """It says nothing, and nobody is told."""
    world.broker.pause()
    time.sleep(2.5 * KEEPALIVE)
    world.broker.resume()


@fault("TCP cut both ways")
def cut_both_ways(world: World) -> None:
    """Reset on both sides, with what is on its way."""
    world.link.cut()


@fault("TCP cut one way")
def cut_one_way(world: World) -> None:
    """The listener hears and is not heard, or the other way round."""
    reconnects = world.ask("SELECT reconnects FROM mqtt_connection")
    world.link.stall(world.chance.choice((UP, DOWN)))
    world.keep_publishing(
        lambda: (
            world.connection[0] != "connected"
            or world.ask("SELECT reconnects FROM mqtt_connection") != reconnects
        )
    )
    world.link.heal()


@fault("slow link")
def slow_link(world: World) -> None:
    """64 KiB a second and 0.2 s each way, for a while, then cut."""
    world.link.slow(rate=64 * 1024, delay=0.2)
    world.keep_publishing_for(5)
    world.link.cut()
    world.keep_publishing_for(2)
    world.link.heal()


# Administration


@fault("module upgraded under load (-u)")
def upgrade(world: World) -> None:
    """The real command, beside the running server."""
    with ThreadPoolExecutor(1) as pool:
        update = pool.submit(world.nodes[0].update, "mqtt_listener")
        world.keep_publishing(update.done)
        update.result()


@fault("server stopped under load (SIGTERM), then started")
def stop_odoo(world: World) -> None:
    """In order: what was committed is acknowledged, and the broker has confirmed it."""
    world.nodes[0].stop()
    (left,) = world.ask("SELECT count(*) FROM mqtt_receipt")
    if left:
        world.events.append("acknowledgements were not confirmed at the stop")
    world.nodes[0].start()


@fault("two nodes, the leading one killed", nodes=2)
def kill_leader(world: World) -> float:
    """SIGKILL of the whole server that listens."""
    pid = world.listener_pid
    leader = world.nodes[world.node_of(pid)]
    leader.kill()
    struck = time.monotonic()
    take_over(world, pid, struck)
    leader.start().wait_ready()
    return struck


@fault("two nodes, the leading one cut off from PostgreSQL", nodes=2)
def cut_leader_off(world: World) -> float:
    """Its cable is pulled: nothing passes, and PostgreSQL's keepalive finds out."""
    pid = world.listener_pid
    link = world.db_links[world.node_of(pid)]
    link.isolate()
    struck = time.monotonic()
    time.sleep(KEEPALIVE_NOTICED)
    link.drop_server_side()
    take_over(world, pid, struck)
    (reconnects,) = world.ask("SELECT reconnects FROM mqtt_connection")
    world.keep_publishing_for(2 + world.chance.random() * 5)
    if world.ask("SELECT reconnects FROM mqtt_connection") != (reconnects,):
        world.events.append("the node that was cut off took the session back")
    link.heal()
    return struck


def take_over(world: World, pid: int, struck: float) -> None:
    """Wait until another process listens, and note how long that takes."""
    world.wait_connected(unless=pid)
    seconds = time.monotonic() - struck
    world.slowest_takeover = max(world.slowest_takeover, seconds)


@fault("clock set back")
def set_clock_back(world: World) -> None:
    """An hour, on the listener's host."""
    world.spring("clock", "-3600")
    time.sleep(10 * BEAT)
