-- Put what history holds into a partition of its own and go on with an empty table.
--
--   psql -v ON_ERROR_STOP=1 -v name=2026_11 -f new_month.sql <database>
--
-- By inheritance, not by PARTITION BY: Odoo takes a declaratively partitioned table for
-- none at all and fails to update the addon. Takes some milliseconds, whatever the size;
-- the listener's batches wait meanwhile. See SCALING.md, also for how a month goes.

BEGIN;
SELECT set_config('mqtt.month', 'mqtt_signal_history_' || :'name', true);
LOCK TABLE mqtt_signal_history, queue_job IN ACCESS EXCLUSIVE MODE;

DO $$
DECLARE
    month text := current_setting('mqtt.month');
    found record;
    earlier regclass[];
BEGIN
    SELECT COALESCE(array_agg(inhrelid::regclass), '{}') INTO earlier
      FROM pg_inherits WHERE inhparent = 'mqtt_signal_history'::regclass;

    -- The full table becomes the month; its constraints and indexes give up their names.
    EXECUTE format('ALTER TABLE mqtt_signal_history RENAME TO %I', month);
    FOR found IN
        SELECT conname FROM pg_constraint
         WHERE conrelid = month::regclass AND contype IN ('p', 'f')
    LOOP
        EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', month, found.conname,
                       replace(found.conname, 'mqtt_signal_history', month));
    END LOOP;
    FOR found IN
        SELECT indexrelid::regclass::text AS name FROM pg_index
         WHERE indrelid = month::regclass AND NOT indisprimary
    LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', found.name,
                       replace(found.name, 'mqtt_signal_history', month));
    END LOOP;

    -- An empty one like it, with the sequence, indexes and foreign keys of the old one.
    EXECUTE format('CREATE TABLE mqtt_signal_history (LIKE %I INCLUDING ALL'
                   ' EXCLUDING INDEXES EXCLUDING CONSTRAINTS)', month);
    ALTER SEQUENCE mqtt_signal_history_id_seq OWNED BY mqtt_signal_history.id;
    FOR found IN
        SELECT indexrelid, pg_get_indexdef(indexrelid) AS definition,
               obj_description(indexrelid) AS comment
          FROM pg_index WHERE indrelid = month::regclass AND NOT indisprimary
    LOOP
        EXECUTE replace(found.definition, month, 'mqtt_signal_history');
        IF found.comment IS NOT NULL THEN
            EXECUTE format('COMMENT ON INDEX %I IS %L',
                           replace(found.indexrelid::regclass::text, month,
                                   'mqtt_signal_history'),
                           found.comment);
        END IF;
    END LOOP;
    FOR found IN
        SELECT conname, contype, pg_get_constraintdef(oid) AS definition
          FROM pg_constraint
         WHERE conrelid = month::regclass AND contype IN ('p', 'f')
         ORDER BY contype DESC
    LOOP
        EXECUTE format('ALTER TABLE mqtt_signal_history ADD CONSTRAINT %I %s',
                       replace(found.conname, month, 'mqtt_signal_history'),
                       replace(found.definition, month, 'mqtt_signal_history'));
    END LOOP;

    -- PostgreSQL's foreign keys see one table only, so those to messages have to go. The
    -- addon does not ask for them again while history is partitioned.
    FOR found IN
        SELECT conrelid::regclass AS of, conname FROM pg_constraint
         WHERE contype = 'f'
           AND confrelid IN (month::regclass, 'mqtt_signal_history'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.of, found.conname);
    END LOOP;

    -- Whoever reads the new table reads all months.
    FOR found IN SELECT unnest(earlier) AS child LOOP
        EXECUTE format('ALTER TABLE %s NO INHERIT %I', found.child, month);
        EXECUTE format('ALTER TABLE %s INHERIT mqtt_signal_history', found.child);
    END LOOP;
    EXECUTE format('ALTER TABLE %I INHERIT mqtt_signal_history', month);
END
$$;
COMMIT;
