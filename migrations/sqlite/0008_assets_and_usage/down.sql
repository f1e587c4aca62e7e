DROP TABLE concurrency_limits;
DROP TABLE usage_days;
DROP TABLE usage_records;
DROP TABLE assets;
