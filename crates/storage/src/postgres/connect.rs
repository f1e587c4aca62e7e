//! Connections outside of the pool.

use diesel::{Connection as _, ConnectionError};
use kernel::{Code, Error, Result};

use super::Connection;

pub fn connect(url: &str) -> Result<Connection> {
    Connection::establish(&with_timeouts(url)).map_err(|error| unreachable_at(&error))
}

/// What libpq says of a server that it can't reach. What it says of a URL that it can't read is kept back: it repeats what
/// it stumbles over, and that may be a part of the password.
fn unreachable_at(error: &ConnectionError) -> Error {
    let told = error.to_string();
    let of_the_server = ["connection to server", "could not translate host name"];
    if matches!(error, ConnectionError::BadConnection(_)) && !of_the_server.iter().any(|begin| told.starts_with(begin))
    {
        return Error::because(
            Code::InvalidSetting,
            "The database URL can't be read: it must be postgres://user:password@host:port/database, and special \
             characters in it are percent-encoded (%2F for a slash).",
        );
    }
    Error::because(Code::ServiceUnavailable, "PostgreSQL can't be reached: is it running, is the URL right?")
        .caused_by(told)
}

/// The URL with what libpq leaves out unless it is asked: that a server which is silent is away, too.
pub fn with_timeouts(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "10000"),
        ("keepalives_idle", "30"),
        ("fallback_application_name", "fabric"),
    ] {
        let given = url.contains(&format!("?{name}=")) || url.contains(&format!("&{name}="));
        if !given {
            let mark = if url.ends_with('?') {
                ""
            } else if url.contains('?') {
                "&"
            } else {
                "?"
            };
            url = format!("{url}{mark}{name}={value}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_added_where_none_are_given() {
        let url = with_timeouts("postgres://u@h/d");
        assert!(url.starts_with("postgres://u@h/d?connect_timeout=5&tcp_user_timeout=10000&"));
        let url = with_timeouts("postgres://u@h/d?connect_timeout=60");
        assert!(url.starts_with("postgres://u@h/d?connect_timeout=60&tcp_user_timeout=10000&"));
    }
}
