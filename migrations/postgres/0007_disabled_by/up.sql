-- Who disabled a key: who did not hold it does not enable it for them, and what an administrator ended stays so. For
-- those that were disabled before, that is nobody who is known, as with the operator at the console.
ALTER TABLE api_keys ADD COLUMN disabled_by UUID;
