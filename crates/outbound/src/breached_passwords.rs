//! Asks which passwords were published: Have I Been Pwned, or whoever speaks as it does.

use std::time::Duration;

use kernel::Result;
use platform::{
    breached_passwords::{Asking, BreachedPasswords},
    courier::Undelivered,
};

use crate::{Client, Enquiry, Limits, Networks};

/// Somebody waits for it who has just sent a form.
const LIMITS: Limits = Limits { whole: Duration::from_secs(2), connect: Duration::from_secs(1) };
/// In bytes: some times what a range has with its padding.
const LONGEST: usize = 256 * 1024;

/// `GET {base}/range/{prefix}`, the API of Pwned Passwords, version 3.
pub struct PasswordRanges {
    client: Client,
    base: String,
}

impl PasswordRanges {
    /// At this URL, which has no slash at its end. What is reached is as for [`Client::new`].
    ///
    /// # Errors
    /// `invalid_setting` when TLS does not start, or the name servers of this machine are not known.
    pub fn new(base: String, allowed: Networks, plain: bool) -> Result<Self> {
        Ok(Self { client: Client::new(allowed, plain, LIMITS)?, base })
    }

    async fn ask(&self, prefix: &str) -> std::result::Result<Vec<u8>, Undelivered> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let enquiry = Enquiry {
            post: false,
            url: format!("{}/range/{prefix}", self.base),
            // With padding, who sees how long an encrypted answer is does not see which one it is.
            headers: vec![header("add-padding", "true"), header("user-agent", "fabric")],
            body: Vec::new(),
        };
        let told = self.client.ask(enquiry, LONGEST).await?;
        if told.status == 200 { Ok(told.body) } else { Err(Undelivered(format!("status {}", told.status))) }
    }
}

impl BreachedPasswords for PasswordRanges {
    fn range<'a>(&'a self, prefix: &'a str) -> Asking<'a> {
        Box::pin(self.ask(prefix))
    }
}
