# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What has to be true of the world of the stateful test, after each step."""

from collections import defaultdict

OPEN = ("wait_dependencies", "pending", "enqueued", "started", "failed")
TOPICS = ("plant/a", "plant/b")


class Truths:
    """Invariants of a :class:`World`."""

    @property
    def messages(self):
        """What was received, and corrections of that."""
        received = [("service_id", "=", self.service.id), ("direction", "=", "receive")]
        return self.env["mqtt.signal.history"].search(received, order="sequence")

    def check(self):
        """:raise AssertionError: when something is lost, doubled or out of order."""
        self.reset()
        messages = self.messages
        self._note(messages)
        self._check_counts(messages)
        handled = self._handled()
        self._check_once(handled)
        self._check_order(handled)
        self._check_owed(messages, handled)
        self.outside.check()

    def _note(self, messages):
        """Who has to get what was stored since the last step."""
        quarantined = self.env["mqtt.quarantine"].search([])
        self.late.update(quarantined.mapped("sequence"))
        failed = self.jobs(
            ("state", "=", "failed"), ("method_name", "=", "_job_ingest")
        )
        for batch in self.env["mqtt.batch"].search([]):
            if batch.job_uuid and batch.job_uuid in failed.mapped("uuid"):
                self.late.update(sequence for sequence, _ in batch._messages())
        for message in messages:
            if message.id in self.known:
                continue
            self.known.add(message.id)
            if message.topic not in TOPICS:
                continue
            for name, handler in self.case.handlers.items():
                if handler.active and handler.enabled and message.has_handlers:
                    self.due[name, message.id] = message.sequence
        present = set(messages.ids)
        self.due = {key: one for key, one in self.due.items() if key[1] in present}

    def owe(self, name, message):
        """A handler has to get a message that was corrected for it, and no other."""
        self.known.add(message.id)
        self.due[name, message.id] = message.sequence

    def excuse(self, name):
        """What a handler has not had until now, it need not get any more."""
        self.due = {key: one for key, one in self.due.items() if key[0] != name}

    def _check_counts(self, messages):
        own = [("service_id", "=", self.service.id)]
        waiting = sum(self.env["mqtt.batch"].search(own).mapped("message_count"))
        kept = self.env["mqtt.quarantine"].search_count([])
        stored = len(messages.filtered(lambda one: not one.corrected_from_id))
        total = stored + waiting + kept + self.dropped + self.expired
        assert self.received == total, (
            f"received {self.received}, stored {stored}, waiting {waiting}, in "
            f"quarantine {kept}, dropped {self.dropped}, expired {self.expired}"
        )

    def _handled(self):
        self.env.cr.execute(
            "SELECT handler, message_id, sequence, topic, replay FROM mqtt_seams"
            " ORDER BY id"
        )
        return self.env.cr.fetchall()

    def _check_once(self, handled):
        seen = set()
        for name, message_id, _sequence, _topic, replay in handled:
            key = name, message_id, replay
            assert key not in seen, f"{key} was handled twice"
            seen.add(key)

    def _check_order(self, handled):
        last = defaultdict(int)
        for name, _message_id, sequence, topic, replay in handled:
            if name != "ordered" or replay or sequence in self.late or not sequence:
                continue
            assert sequence > last[topic], f"{sequence} of {topic} after {last[topic]}"
            last[topic] = sequence

    def _check_owed(self, messages, handled):
        """What was not handled has something that waits, or a reason."""
        had = {(name, message_id) for name, message_id, *_others in handled}
        owed = [key for key in self.due if key not in had]
        if not owed:
            return
        waiting = self.waiting()
        for name, message_id in owed:
            message = messages.browse(message_id)
            assert (name, message_id) in waiting or message.cancel_reason, (
                f"{name} has not had {message.sequence}, and nothing waits: "
                f"{message.state}"
            )
            if (name, message_id) in waiting:
                assert message.state in ("queued", "retrying", "failed"), message.state

    def waiting(self):
        """(handler, message id) of all that waits for handlers."""
        names = {handler.id: name for name, handler in self.case.handlers.items()}
        found = set()
        rows = self.env["mqtt.dispatch"].search([])
        of_row = {row.id: row.handlers for row in rows}
        for row_id, message_id in rows._find_messages():
            found.update((names.get(one), message_id) for one in of_row[row_id])
        for one in self.env["mqtt.ordered.message"].search([]):
            found.add((names.get(one.handler_id.id), one.message_id.id))
        for job in self.jobs(("mqtt_message_id", "!=", False), ("state", "in", OPEN)):
            found.add((names.get(job.mqtt_handler_id.id), job.mqtt_message_id.id))
        return found
