# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the stateful test publishes and asks, the broker it has, and what has to be true
of them.

What a broker has confirmed is noted in a table of the test's transaction, as what was
handled is: what is rolled back with a job may be sent again.
"""

from collections import defaultdict

from odoo.tools import SQL

from ..broker.problem import Problem
from ..mqtt.handler import mqtt_response

MOODS = ("well", "well", "away", "closes", "refuses", "never")
PICKED = 3  # each so manieth message is the one that the broker does not like


class Broker:
    """Stands for ``Publisher``, whose own tests have real sockets.

    :param outside: the :class:`Outside` that it belongs to.
    """

    def __init__(self, outside):
        self._outside = outside
        self.problem = None
        self.confirmed, self.refused, self.hopeless = set(), {}, {}
        self.under_way = []

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        return None

    def send(self, messages, _seconds):
        """As :meth:`Publisher.send`, in the mood that the test has chosen."""
        mood, held = self._outside.mood, set()
        if mood == "away":
            self.problem = Problem("refused", "away")
            return
        for message in messages:
            is_picked = message.key % PICKED == 0
            if message.topic in held:
                continue
            if mood == "closes" and is_picked:
                self.problem, self.under_way = Problem("lost", "closed"), [message.key]
                return
            if mood == "refuses" and is_picked:
                self.refused[message.key] = Problem("publish_refused", "Quota exceeded")
                held.add(message.topic)
            elif mood == "never" and is_picked:
                self.hopeless[message.key] = Problem("too_large", "10")
            else:
                self.confirmed.add(message.key)
                self._outside.note_sent(message)


class Outside:
    """Messages that are published and requests, and what became of them.

    :param world: the :class:`World`.
    """

    def __init__(self, world):
        self._world = world
        self.env = world.env
        self.mood = "well"
        self.is_heard = True  # what is answered
        self.turns = {}  # id of a message: (transaction, its place in it)
        self.late = set()  # ids of messages whose place others may have taken
        self.excused = set()  # ids of requests of which nobody needs to be told
        self._transactions = 0

    # What happens

    def publish(self, pairs):
        """Publish pairs of topic and payload in one transaction."""
        self._transactions += 1
        for place, (topic, payload) in enumerate(pairs):
            message = self._world.service.mqtt_publish(topic, payload)
            self.turns[message.id] = self._transactions, place
        self.env.cr.precommit.run()

    def ask(self, is_heard):
        """Ask for an answer.

        :param is_heard: whether the broker has granted the subscription that brings it.
        """
        partner = self.env["res.partner"]
        service = self._world.service
        service.mqtt_request("ask/a", "?", on_response=partner._on_seams_answer)
        self.env.cr.precommit.run()
        self.hear(is_heard)

    def hear(self, is_heard=True):
        service, self.is_heard = self._world.service, is_heard
        if service.response_topic:
            grants = service._answer_subscriptions().grant_ids.sudo()
            grants.state = "granted" if is_heard else "pending"

    def note_sent(self, message):
        assert self.is_heard or "response_topic" not in message.properties, (
            "a request is sent, and nobody hears the answer"
        )
        self.env.cr.execute(
            "INSERT INTO mqtt_seams_sent (message_id, topic) VALUES (%s, %s)",
            [message.key, message.topic],
        )

    def note_correction(self, original, corrected):
        """A message to be published was corrected: it takes the original's place."""
        if original.id in self.turns:
            self.turns[corrected.id] = self.turns[original.id]
        self.late.add(corrected.id)

    def note_ended(self, job):
        """A person has ended a job, or is about to."""
        if job.method_name == "_job_answer":
            self.excused.update(job.records.ids)

    # What has to be true

    def check(self):
        """:raise AssertionError: when something is lost, doubled or out of order."""
        self._check_published()
        self._check_told()

    def _check_published(self):
        sent = self._sent()
        ids = [message_id for message_id, _topic in sent]
        assert len(ids) == len(set(ids)), f"published twice: {ids}"
        self._check_order(sent)
        outgoing = self.env["mqtt.outbox"].search([])
        waiting = outgoing.message_id
        assert not set(waiting.ids) & set(ids), "it was published, and waits"
        # What is published is always seen by cron: a row names the job.
        assert all(outgoing.mapped("job_uuid")), "no job, and cron does not know it"
        messages = self.env["mqtt.signal.history"].search([("direction", "=", "send")])
        for message in messages - waiting:
            is_sent = message.id in ids
            # A correction of what a handler had of ours is for the handler alone.
            is_known = message.id in self.turns or message.request_ids
            assert is_sent or message.cancel_reason or not is_known, (
                f"{message.topic} is neither published nor cancelled: {message.state}"
            )

    def _sent(self):
        self.env.cr.execute("SELECT message_id, topic FROM mqtt_seams_sent ORDER BY id")
        return self.env.cr.fetchall()

    def _check_order(self, sent):
        last = defaultdict(lambda: -1)
        for message_id, topic in sent:
            if message_id not in self.turns or message_id in self.late:
                continue
            transaction, place = self.turns[message_id]
            assert place > last[transaction, topic], f"{message_id} is out of order"
            last[transaction, topic] = place

    def _check_told(self):
        self.env.cr.execute("SELECT request_id, answer_id FROM mqtt_seams_told")
        told = self.env.cr.fetchall()
        ids = [request_id for request_id, _answer in told]
        assert len(ids) == len(set(ids)), f"told twice: {told}"
        answers = dict(told)
        requests = self.env["mqtt.request"].search([])
        for request in requests:
            if request.id in answers:
                assert request.state != "waiting", "told, and waits"
                is_silence = answers[request.id] is None
                assert is_silence == (request.state in ("silent", "late"))
        open_answers = self._world.jobs(("method_name", "=", "_job_answer"))
        open_ids = {
            at for job in open_answers if job.state != "done" for at in job.records.ids
        }
        for request in requests - requests.browse(answers) - requests.browse(open_ids):
            assert request.state == "waiting" or request.id in self.excused, (
                f"{request.state}, and nobody was told"
            )

    def left(self):
        """What still waits."""
        waiting = [("state", "=", "waiting")]
        return {
            "outgoing": self.env["mqtt.outbox"].search([]).ids,
            "requests": self.env["mqtt.request"].search(waiting).ids,
        }


def make_tables(cr):
    """The tables in which is noted what was published and who was told of answers."""
    for name, columns in (
        ("mqtt_seams_sent", "message_id bigint, topic text"),
        ("mqtt_seams_told", "request_id int, answer_id bigint"),
    ):
        cr.execute(
            SQL(
                "CREATE TEMPORARY TABLE %s (id serial, %s) ON COMMIT DROP",
                SQL.identifier(name),
                SQL(columns),
            )
        )


def answer_method(get_world):
    """The method that is told of answers.

    :param get_world: gives the :class:`World` of the moment.
    """

    @mqtt_response
    def _on_seams_answer(self, message):
        request = self.env["mqtt.request"].search(
            [("message_id", "=", self.env.context["mqtt_request"])]
        )
        self.env.cr.execute(
            "INSERT INTO mqtt_seams_told (request_id, answer_id) VALUES (%s, %s)",
            [request.id, message.id or None],
        )
        if "answer" in get_world().broken:
            raise ValueError("broken")

    return _on_seams_answer
