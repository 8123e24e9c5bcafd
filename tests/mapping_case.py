# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Mappings of partners, made in one line."""

import json
from contextlib import contextmanager
from unittest.mock import patch

from odoo.fields import Command

from .test_handler import HandlerCase


class MappingCase(HandlerCase):
    def mapping(self, keys=None, values=(), defaults=(), user=None, **values_of):
        """A mapping of partners: by their reference, which a topic level has.

        :param keys: lines, each a dict of the fields of ``mqtt.mapping.line``.
        """
        if keys is None:
            keys = [{"field_name": "ref", "source": "level", "value": "ref"}]
        parts = {"key": keys, "value": values, "default": defaults}
        return (
            self.env["mqtt.mapping"]
            .with_user(user or self.env.user)
            .create(
                {
                    "name": "Partners",
                    "pattern": "plant/{ref}",
                    "service_id": self.service.id,
                    "res_model": "res.partner",
                    **{
                        f"{part}_ids": [
                            Command.create({**line, "part": part}) for line in lines
                        ]
                        for part, lines in parts.items()
                    },
                    **values_of,
                }
            )
        )

    def path(self, field_name, path, **values):
        """A line from the payload."""
        return {"field_name": field_name, "source": "path", "value": path, **values}

    @staticmethod
    def json(value):
        return json.dumps(value).encode()

    @contextmanager
    def writes(self, model="res.partner"):
        """The values of each write of a model's records while this is entered."""
        written, write = [], self.registry[model].write

        def remembering(records, vals):
            written.append(vals)
            return write(records, vals)

        with patch.object(self.registry[model], "write", remembering):
            yield written

    def assert_done(self, message):
        self.assertEqual(message.state, "done", message.job_ids.mapped("exc_info"))

    def assert_failed(self, message, *texts):
        """The message has failed for good, and says why in one line."""
        jobs = message.job_ids.filtered(lambda job: job.state == "failed")
        self.assertEqual(len(jobs), 1, message.state)
        for text in texts:
            self.assertIn(text, jobs.exc_message)
        self.assertNotIn("\n", jobs.exc_message)
        self.assertLess(len(jobs.exc_message), 500)
