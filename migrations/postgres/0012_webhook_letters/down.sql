DROP TABLE webhook_letters;
