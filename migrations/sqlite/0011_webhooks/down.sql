ALTER TABLE signing_secrets ADD COLUMN url TEXT;
ALTER TABLE signing_secrets DROP COLUMN previous_until;
ALTER TABLE signing_secrets DROP COLUMN previous_secret;
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_queues;
DROP TABLE webhook_endpoints;
DELETE FROM ledger_positions WHERE name = 'webhooks';
