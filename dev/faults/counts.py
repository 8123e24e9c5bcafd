# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is counted in the database of a fault's world."""

from .publisher import EQUAL, NUMBERS

COUNTS = """
    SELECT (SELECT count(*) FROM mqtt_signal_history),
           LEAST((SELECT count(*) FROM mqtt_faults_row),
                 (SELECT count(*) FROM mqtt_faults_late)),
           (SELECT count(*) FROM mqtt_batch),
           (SELECT count(*) FROM queue_job
             WHERE state NOT IN ('done', 'failed', 'cancelled'))
"""
UP_TO = f"""
    SELECT (SELECT count(*) FROM mqtt_signal_history
             WHERE topic = '{NUMBERS}' AND payload::int < %s),
           (SELECT count(*) FROM mqtt_faults_row
             WHERE payload <> 'ON' AND payload::int < %s)
"""
VERDICT = f"""
    SELECT (SELECT count(*) FROM mqtt_signal_history WHERE topic = '{NUMBERS}'),
           (SELECT count(DISTINCT payload) FROM mqtt_signal_history
             WHERE topic = '{NUMBERS}'),
           (SELECT count(*) FROM mqtt_signal_history WHERE topic = '{EQUAL}'),
           (SELECT count(*) FROM mqtt_faults_row),
           (SELECT count(DISTINCT sequence) FROM mqtt_faults_row),
           (SELECT count(*) FROM mqtt_faults_late),
           (SELECT count(DISTINCT sequence) FROM mqtt_faults_late)
"""
DISORDER = f"""
    SELECT count(*)
      FROM (SELECT payload::int - lag(payload::int) OVER (ORDER BY sequence) AS step
              FROM mqtt_signal_history WHERE topic = '{NUMBERS}') AS steps
     WHERE step < 1
"""
