DROP INDEX events_app_id_position;
DROP INDEX events_organization_id_position;
ALTER TABLE signing_secrets DROP COLUMN previous_until;
ALTER TABLE signing_secrets DROP COLUMN previous_secret;
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_queues;
DROP TABLE webhook_endpoints;
DELETE FROM ledger_positions WHERE name = 'webhooks';
