-- A copy of a database connects nowhere, and could not take production's session over.
UPDATE mqtt_service
   SET status = 'stop',
       client_id = 'neutralized-' || id || '-' || substr(md5(random()::text), 1, 8);
UPDATE mqtt_connection
   SET thread_identifier = NULL, state = 'disconnected';
-- What waits to be published is for production to publish.
DELETE FROM mqtt_outgoing;
