# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How should a batch travel from the listener to its job: measured both ways.

    make shell < dev/bench/batch_transport.py

A: a bytea row of our own, which the job names. B: base64 in the job's arguments.
Prints milliseconds per batch of 500 messages (median of 20) to enqueue and commit, to
read back in the job, and the bytes PostgreSQL keeps for it.
"""

import base64
import statistics
import time
from datetime import datetime, timedelta

from odoo.addons.mqtt_listener.mqtt.message import Message, decode_batch, encode_batch
from odoo.addons.queue_job.job import Job

MESSAGES, REPEATS = 500, 20

service = env["mqtt.service"].create({"name": "Measurement", "active": False})  # noqa: F821
env.cr.commit()  # noqa: F821


def enqueue(argument):
    # Nobody shall run it. (Not years ahead: that stops queue_job's runner.)
    later = service.with_delay(eta=datetime.now() + timedelta(hours=6))
    later._job_ingest(argument, first_sequence=1, last_sequence=MESSAGES)


def as_row(content):
    values = {"service_id": service.id, "last_sequence": 0, "message_count": 0}
    enqueue(service.env["mqtt.batch"].create({**values, "content": content}).id)


def as_argument(content):
    enqueue(base64.b64encode(content).decode())


def read_row(job):
    return service.env["mqtt.batch"].browse(job.args[0]).content


def read_argument(job):
    return base64.b64decode(job.args[0])


def milliseconds(action, *arguments):
    start = time.perf_counter()
    result = action(*arguments)
    return (time.perf_counter() - start) * 1000, result


def measure(content, send, receive):
    cr = service.env.cr
    sent, received = [], []
    for _ in range(REPEATS):
        took, _nothing = milliseconds(lambda: (send(content), cr.commit()))
        sent.append(took)
        record = service.env["queue.job"].search(
            [("mqtt_service_id", "=", service.id)], order="id desc", limit=1
        )
        service.env.invalidate_all()
        took, messages = milliseconds(
            lambda uuid=record.uuid: list(
                decode_batch(receive(Job.load(service.env, uuid)))
            )
        )
        assert len(messages) == MESSAGES
        received.append(took)
    cr.execute(
        "SELECT coalesce(sum(pg_column_size(content)), 0) FROM mqtt_batch"
        " WHERE service_id = %s",
        [service.id],
    )
    (kept,) = cr.fetchone()
    cr.execute(
        "SELECT sum(pg_column_size(args) + pg_column_size(func_string))"
        " FROM queue_job WHERE mqtt_service_id = %s",
        [service.id],
    )
    kept += cr.fetchone()[0]
    cr.execute("DELETE FROM mqtt_batch WHERE service_id = %s", [service.id])
    cr.execute("DELETE FROM queue_job WHERE mqtt_service_id = %s", [service.id])
    cr.commit()
    return statistics.median(sent), statistics.median(received), kept / REPEATS


print("payload      way        enqueue ms   read ms   KiB kept")
for size in (60, 1024, 16 * 1024):
    payload = (b"%d " % size) + bytes(range(32, 127)) * (size // 95 + 1)
    messages = [
        Message(f"plant/{number % 20}/telemetry", payload[:size], qos=1)
        for number in range(MESSAGES)
    ]
    content = encode_batch(messages)
    for name, send, receive in (
        ("row", as_row, read_row),
        ("argument", as_argument, read_argument),
    ):
        sent, received, kept = measure(content, send, receive)
        print(
            f"{size:6} B   {name:10} {sent:10.1f} {received:10.1f} {kept / 1024:10.0f}"
        )
service.unlink()
env.cr.commit()  # noqa: F821
