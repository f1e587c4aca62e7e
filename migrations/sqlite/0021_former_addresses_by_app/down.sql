CREATE INDEX former_addresses_email ON former_addresses (email);
CREATE INDEX former_addresses_app_id ON former_addresses (app_id);
DROP INDEX former_addresses_app_id_email;
