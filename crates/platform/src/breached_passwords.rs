//! Passwords that were published after a breach: asked about wherever somebody chooses one, and never at a sign-in. Whoever
//! is asked learns five digits of a hash. When there is no answer the password is taken: nobody is kept out because somebody
//! else's service is away.

use std::{future::Future, pin::Pin};

use identity::password::{Password, PasswordHash};
use kernel::{Code, Error, Result};

use crate::{Platform, courier::Undelivered};

/// What asking comes to, a moment later.
pub type Asking<'a> = Pin<Box<dyn Future<Output = std::result::Result<Vec<u8>, Undelivered>> + Send + 'a>>;

/// Knows which passwords were published.
pub trait BreachedPasswords: Send + Sync + 'static {
    /// The list of those whose SHA-1 begins with these five hexadecimal digits, within two seconds.
    fn range<'a>(&'a self, prefix: &'a str) -> Asking<'a>;
}

impl Platform {
    /// Hashes a password that somebody has chosen: the one way to a new one.
    ///
    /// # Errors
    /// `compromised_password`, whoever chooses it and for whatever account; `overloaded`.
    pub(crate) async fn hash_chosen(&self, password: Password) -> Result<PasswordHash> {
        if let Some(known) = &self.breached_passwords
            && is_breached(&**known, &password).await
        {
            return Err(Error::new(Code::CompromisedPassword));
        }
        self.hashing().hash(password).await
    }
}

async fn is_breached(known: &dyn BreachedPasswords, password: &Password) -> bool {
    let fingerprint = password.fingerprint();
    let answer = known.range(fingerprint.prefix()).await.map_err(|Undelivered(why)| why);
    let found = answer.and_then(|answer| fingerprint.is_in(&answer).map_err(str::to_owned));
    let outcome = match found {
        Ok(true) => "found",
        Ok(false) => "not_found",
        Err(_) => "unanswered",
    };
    metrics::counter!("fabric_breached_password_checks_total", "outcome" => outcome).increment(1);
    if let Err(why) = &found {
        tracing::warn!(why, "a password was taken without asking whether it was published");
    }
    found == Ok(true)
}
