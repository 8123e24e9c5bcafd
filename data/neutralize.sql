-- A copy of a database connects nowhere, could not take production's session over, and
-- has no secret of it.
UPDATE mqtt_service
   SET status = 'stop',
       password_secret = NULL,
       tls_key_secret = NULL,
       tls_key_password_secret = NULL,
       websocket_headers_secret = NULL,
       client_id = 'neutralized-' || id || '-' || substr(md5(random()::text), 1, 8);
UPDATE mqtt_connection
   SET thread_identifier = NULL, state = 'disconnected';
-- What waits to be published is for production to publish.
DELETE FROM mqtt_outbox;
