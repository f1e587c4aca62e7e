//! The migrated database that test databases are cloned from.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{psql::Server, sql_folder::fingerprint};

/// A template database, by the fingerprint of what it was migrated with.
pub(crate) struct Template {
    fingerprint: u64,
}

impl Template {
    /// The template of the migrations as they lie in this checkout.
    ///
    /// # Panics
    /// When they cannot be read.
    pub(crate) fn of_migrations() -> Self {
        let folder = migrations();
        let fingerprint = fingerprint(&folder)
            .unwrap_or_else(|error| panic!("The migrations in {} cannot be read: {error}", folder.display()));
        Self { fingerprint }
    }

    pub(crate) fn name(&self) -> String {
        format!("fabric_template_{:016x}", self.fingerprint)
    }

    /// Sees to it that the template exists; many threads and processes may ask at once, one of them migrates.
    ///
    /// The template is migrated under another name and renamed when it is done: whoever finds it finds it whole, even
    /// after a run that was killed half-way. Nobody can connect to it afterwards, because a database that someone is
    /// connected to cannot be cloned.
    ///
    /// # Panics
    /// When the server refuses.
    pub(crate) fn make_once(&self, server: &Server, migrate: impl FnOnce(&str)) {
        self.try_make_once(server, migrate).unwrap_or_else(|error| panic!("No template for test databases: {error}"));
    }

    fn try_make_once(&self, server: &Server, migrate: impl FnOnce(&str)) -> Result<(), String> {
        if self.exists(server)? {
            return Ok(());
        }
        let _lock = server.lock(self.fingerprint.cast_signed())?;
        if self.exists(server)? {
            return Ok(());
        }
        let name = self.name();
        let draft = format!("{name}_draft");
        server.run(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"))?;
        server.run(&format!("CREATE DATABASE {draft} TEMPLATE template0"))?;
        migrate(&server.url_of(&draft));
        server.run(&format!("ALTER DATABASE {draft} ALLOW_CONNECTIONS false"))?;
        server.run(&format!("ALTER DATABASE {draft} RENAME TO {name}"))?;
        Ok(())
    }

    fn exists(&self, server: &Server) -> Result<bool, String> {
        let name = self.name();
        let found = server.run(&format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))?;
        Ok(!found.is_empty())
    }
}

/// Where the migrations are: found from the package under test, as cargo names it now, because checkouts that share a
/// target folder may share this library, and what it was compiled from may be another one.
fn migrations() -> PathBuf {
    const FOLDER: &str = "migrations/postgres";
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| compiled.to_owned(), PathBuf::from);
    let found = here.ancestors().map(|folder| folder.join(FOLDER)).find(|folder| folder.is_dir());
    found.unwrap_or_else(|| compiled.join("../..").join(FOLDER))
}

#[cfg(test)]
mod tests {
    use std::{
        process,
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;
    use crate::{TestDatabase, psql::run_at};

    /// A template of this test's own, which the server forgets afterwards.
    struct Own(Template);

    impl Own {
        fn new(salt: u64) -> Self {
            Self(Template { fingerprint: u64::from(process::id()) << 32 | salt })
        }
    }

    impl Drop for Own {
        fn drop(&mut self) {
            let server = Server::from_environment();
            drop(server.run(&format!("DROP DATABASE IF EXISTS {}", self.0.name())));
        }
    }

    fn migrate(url: &str) {
        run_at(url, "CREATE TABLE things (name text)").unwrap();
        run_at(url, "INSERT INTO things VALUES ('migrated')").unwrap();
    }

    #[test]
    fn many_ask_at_once_and_one_migrates() {
        let template = Own::new(1);
        let migrations = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let database = TestDatabase::clone_of(&template.0, |url| {
                        migrations.fetch_add(1, Ordering::Relaxed);
                        migrate(url);
                    });
                    let found = run_at(&database.url, "SELECT name FROM things").unwrap();
                    assert_eq!(found, "migrated");
                });
            }
        });
        assert_eq!(migrations.into_inner(), 1);
    }

    #[test]
    fn what_one_test_writes_no_other_sees() {
        let template = Own::new(2);
        let one = TestDatabase::clone_of(&template.0, migrate);
        let other = TestDatabase::clone_of(&template.0, migrate);
        run_at(&one.url, "DELETE FROM things").unwrap();
        assert_eq!(run_at(&other.url, "SELECT count(*) FROM things").unwrap(), "1");
    }

    #[test]
    fn a_database_goes_with_its_value_even_when_someone_is_connected() {
        let template = Own::new(3);
        let database = TestDatabase::clone_of(&template.0, migrate);
        let url = database.url.clone();
        let connected = Server::at(&url).lock(1).unwrap();
        drop(database);
        assert!(run_at(&url, "SELECT 1").is_err());
        drop(connected);
    }

    #[test]
    fn a_migration_that_fails_leaves_no_template_behind() {
        let template = Own::new(4);
        let failed = thread::scope(|scope| {
            scope.spawn(|| TestDatabase::clone_of(&template.0, |_| panic!("a broken migration"))).join()
        });
        assert!(failed.is_err());
        let database = TestDatabase::clone_of(&template.0, migrate);
        assert_eq!(run_at(&database.url, "SELECT name FROM things").unwrap(), "migrated");
    }

    #[test]
    fn the_migrations_are_those_of_this_checkout() {
        assert!(migrations().ends_with("migrations/postgres"));
        assert!(migrations().is_dir());
    }
}
