# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import time
from contextlib import closing

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import UserError

from ..jobs.failure import Failure
from .changed_rows import Searcher, find_tables, is_counting, read_counts
from .row_changes import compare
from .shown_changes import Words

MAX_SHOWN = 100  # records of which names and values are shown; more are counted
MAX_TEXT_CHARS = 20_000  # of a traceback


class MqttHandlerTrial(models.TransientModel):
    """How a trial runs: in a transaction of its own, which is rolled back."""

    _inherit = "mqtt.handler.trial"

    def _try(self):
        """Run the handler in a transaction of its own, which is rolled back.

        Not under a savepoint alone: hooks, bus notifications and mails that wait for
        the commit have to go with it.

        :return: values of this record: the result.
        """
        registry = self.env.registry
        with registry.cursor() as cr:
            try:
                return self._try_in(api.Environment(cr, SUPERUSER_ID, {}))
            finally:
                cr.rollback()
                # Caches that were filled from what is gone now
                registry.reset_changes()

    def _try_in(self, env):
        message = self._message_in(env)
        counts = read_counts(env.cr)
        # What was before is read after a rollback to it.
        with closing(env.cr.savepoint()) as savepoint:
            failure = None
            begin = time.perf_counter()
            try:
                self._call(message)
            except Exception as error:  # noqa: BLE001 - whatever the handler raises
                failure = Failure.of(error)
            result = {
                "duration": (time.perf_counter() - begin) * 1000,
                "error": False,
                "trace": False,
                "changes": False,
            }
            if failure:
                return result | self._describe_failure(failure)
            tables = find_tables(env, counts, read_counts(env.cr))
            known = {message._name: message.ids}
            return result | self._find_changes(env, tables, known, savepoint)

    def _call(self, message):
        """Call the handler as its job would: as its user, in the same limits."""
        env = message.env
        handler = env["mqtt.handler"].browse(self.handler_id.id)
        function = handler._bind(message.service_id)
        with handler._guard("own_call_seconds") as guard:
            guard.call(function, message)
            env.flush_all()
        message._check_is_there()

    def _find_changes(self, env, tables, known, savepoint):
        """What is different in these tables, and everything as it was before.

        :return: values of this record.
        """
        searcher, words = Searcher(env, tables, known), Words(self._reader(env))
        after = searcher.after()
        names_after = words.names(after)
        savepoint.rollback()
        env.registry.reset_changes()
        before = searcher.before(after)
        names_before = words.names(before)
        changes = compare(tables, before, after)
        shown = changes[:MAX_SHOWN]
        words.learn(shown, names_before, names_after)
        others = [table for table in tables if table.is_unknown]
        total = len(changes) + before.more + after.more
        total += sum(sum(table.counts) for table in others)
        values = {
            "changes": [words.say(one, names_before, names_after) for one in shown],
            "more": len(changes) - len(shown) + before.more + after.more,
            "tables": others,
            "cut": [table for table in tables if table.is_cut],
        }
        return self._describe_changes(total, values, is_counting(env.cr))

    def _message_in(self, env):
        messages = env["mqtt.signal.history"]
        if self.message_id:
            message = messages.browse(self.message_id.id).exists()
            if not message:
                raise UserError(
                    self.env._("This message was deleted: choose another one.")
                )
            return message
        payload = self.payload or ""
        message = messages.create(
            {
                "service_id": self.service_id.id,
                "topic": self.topic,
                "payload": payload,
                "size": len(payload.encode()),
                "direction": "send"
                if self.handler_id.direction == "send"
                else "receive",
            }
        )
        env.flush_all()
        return message

    def _reader(self, env):
        """The user who sees the result, in the transaction of the trial."""
        names = ("lang", "tz", "allowed_company_ids")
        context = {
            name: self.env.context[name] for name in names if name in self.env.context
        }
        return env(user=self.env.uid, su=self.env.su, context=context)

    # Result

    def _describe_failure(self, failure):
        return {
            "state": "failed",
            "summary": self.env._("It raised an error. Nothing was kept."),
            "error": _storable(failure.text),
            "trace": failure.trace != failure.text and _storable(failure.trace),
        }

    def _describe_changes(self, total, values, is_counted):
        if not is_counted:
            summary = self.env._(
                "It ran, and nothing was kept. What it would have changed is not "
                "known, because PostgreSQL does not count changes (track_counts is "
                "off)."
            )
        elif not total:
            summary = self.env._("It ran, and would have changed nothing.")
        elif total == 1:
            summary = self.env._("It would have changed 1 record. Nothing was kept.")
        else:
            summary = self.env._(
                "It would have changed %s records. Nothing was kept.", total
            )
        changes = False
        if total or values["cut"]:
            changes = self.env["ir.qweb"]._render(
                "mqtt_listener.handler_trial_changes", values
            )
        return {"state": "done", "summary": summary, "changes": changes}


def _storable(text):
    """``text`` as PostgreSQL takes it: no NUL, no half characters, not too much."""
    text = text.replace("\0", "␀").encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT_CHARS else text[:MAX_TEXT_CHARS] + "…"
