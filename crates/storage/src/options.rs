//! Where a database is and how it is opened.

use std::path::{Path, PathBuf};

use kernel::{Code, Error, Result};

/// How a database is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `postgres://…` or `sqlite://path`.
    pub url: String,
    /// Connections of PostgreSQL, or readers of SQLite: so many units of work run at once.
    pub pool_size: u32,
    /// When SQLite counts a commit as done. PostgreSQL has its own setting for that, `synchronous_commit`.
    pub synchronous: Synchronous,
    /// Whether opening it runs the migrations that it lacks. Otherwise a database that lacks some is not opened.
    pub migrate: bool,
}

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// When it is on the disk: what was acknowledged survives a power cut.
    #[default]
    Full,
    /// When the operating system has it: what was acknowledged survives the process, and a power cut takes back the
    /// last few commits without harming what was before.
    Normal,
}

impl Options {
    /// The usual options: eight connections, durable, migrated at start.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), pool_size: 8, synchronous: Synchronous::default(), migrate: true }
    }
}

/// Where a database is.
#[derive(Debug, PartialEq, Eq)]
pub enum Location {
    /// A server, by its URL.
    Postgres(String),
    /// A file, by its path.
    Sqlite(PathBuf),
}

impl Location {
    /// # Errors
    /// `invalid_setting`. What was given is not in the message: there may be a password in it.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = |message: &'static str| Err(Error::because(Code::InvalidSetting, message));
        if url.contains('\0') {
            return wrong("The database URL has a NUL character in it.");
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        match url.strip_prefix("sqlite://") {
            None => wrong("The database URL must be postgres://user:password@host/database or sqlite://path."),
            Some("" | ":memory:") => {
                wrong("The database URL names no file: give sqlite:// and the path of one, such as sqlite://fabric.db.")
            }
            Some(path) if path.contains('?') => {
                wrong("The database URL has a query: a SQLite database takes no options there.")
            }
            // Relative ones begin with a dot, so that SQLite takes none for a URI.
            Some(path) if Path::new(path).is_absolute() => Ok(Self::Sqlite(path.into())),
            Some(path) => Ok(Self::Sqlite(Path::new(".").join(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_database() {
        let parsed = |url| Location::parse(url).unwrap();
        assert_eq!(parsed("postgres://u:p@h/d"), Location::Postgres("postgres://u:p@h/d".to_owned()));
        assert_eq!(parsed("postgresql://h/d"), Location::Postgres("postgresql://h/d".to_owned()));
        assert_eq!(parsed("sqlite:///var/lib/fabric.db"), Location::Sqlite("/var/lib/fabric.db".into()));
        assert_eq!(parsed("sqlite://fabric.db"), Location::Sqlite("./fabric.db".into()));
        assert_eq!(parsed("sqlite://file:x"), Location::Sqlite("./file:x".into()));
    }

    #[test]
    fn other_urls_are_refused_without_repeating_them() {
        for url in ["", "mysql://u:secret@h/d", "sqlite://", "sqlite://:memory:", "sqlite://a?mode=ro", "sqlite://\0"] {
            let error = Location::parse(url).unwrap_err();
            assert_eq!(error.code, Code::InvalidSetting, "{url:?}");
            assert!(!error.message.contains("secret"));
        }
    }
}
