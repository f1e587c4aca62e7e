//! Which migrations a database has, compared with those that this binary carries.

use diesel::{QueryableByName, backend::Backend, migration::MigrationSource, sql_types::Text};
use diesel_migrations::EmbeddedMigrations;
use kernel::{Code, Error, Result};

/// A migration that was run.
#[derive(QueryableByName)]
pub struct Applied {
    #[diesel(sql_type = Text)]
    pub version: String,
}

/// All that were run. Reads only: Diesel's own harness would try to make the table, which takes a right that a server
/// need not have.
pub const APPLIED: &str = "SELECT version FROM __diesel_schema_migrations ORDER BY version";

/// The versions of the migrations that this binary carries, in their order.
pub fn carried<DB: Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>> {
    let migrations = MigrationSource::<DB>::migrations(source).map_err(Error::internal)?;
    let mut versions: Vec<_> = migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    versions.sort();
    Ok(versions)
}

/// The versions that are carried and were not run.
///
/// # Errors
/// `service_unavailable` when others were run: the database belongs to a later version.
pub fn missing(carried: Vec<String>, applied: &[Applied]) -> Result<Vec<String>> {
    if let Some(unknown) = applied.iter().find(|applied| !carried.contains(&applied.version)) {
        let message = format!(
            "The database was migrated by a later version of Fabric (migration {}): run that version, or restore a \
             backup from before.",
            unknown.version
        );
        return Err(Error::because(Code::ServiceUnavailable, message));
    }
    let was_run = |version: &String| applied.iter().any(|applied| applied.version == *version);
    Ok(carried.into_iter().filter(|version| !was_run(version)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(versions: &[&str]) -> Vec<Applied> {
        versions.iter().map(|version| Applied { version: (*version).to_owned() }).collect()
    }

    #[test]
    fn a_database_lacks_migrations_or_belongs_to_a_later_version() {
        let carried = || vec!["0001".to_owned(), "0002".to_owned()];
        assert_eq!(missing(carried(), &applied(&[])).unwrap(), carried());
        assert_eq!(missing(carried(), &applied(&["0001"])).unwrap(), ["0002"]);
        assert!(missing(carried(), &applied(&["0001", "0002"])).unwrap().is_empty());
        let refused = missing(carried(), &applied(&["0001", "0009"])).unwrap_err();
        assert!(refused.message.contains("0009"));
    }
}
