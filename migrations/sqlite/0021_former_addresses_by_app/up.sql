-- Whether an address is kept is asked for one address of an app.
CREATE INDEX former_addresses_app_id_email ON former_addresses (app_id, email);
DROP INDEX former_addresses_app_id;
DROP INDEX former_addresses_email;
