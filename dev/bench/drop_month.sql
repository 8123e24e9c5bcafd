-- Remove a month that new_month.sql has made a partition of, in no time.
--
--   psql -v ON_ERROR_STOP=1 -v name=2026_11 -f drop_month.sql <database>
--
-- Attachments that hold payloads of the month go with the next vacuum of Odoo.

BEGIN;
SELECT set_config('mqtt.month', 'mqtt_signal_history_' || :'name', true);

DO $$
DECLARE
    month text := current_setting('mqtt.month');
BEGIN
    -- What foreign keys would do. A job that has not ended is of no use without it.
    EXECUTE format('DELETE FROM mqtt_ordered_message WHERE message_id IN'
                   ' (SELECT id FROM %I)', month);
    EXECUTE format('UPDATE queue_job SET mqtt_message_id = NULL,'
                   ' state = CASE WHEN state = ''done'' THEN state ELSE ''cancelled'' END'
                   ' WHERE mqtt_message_id IN (SELECT id FROM %I)', month);
    EXECUTE format('UPDATE mqtt_signal_history SET corrected_from_id = NULL'
                   ' WHERE corrected_from_id IN (SELECT id FROM %I)', month);
    EXECUTE format('DROP TABLE %I', month);
END
$$;
COMMIT;
