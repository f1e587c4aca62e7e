use std::sync::{Mutex, PoisonError};

use kernel::Email;
use platform::mailer::{Letter, Mailer, Sending};

/// A letter that arrived.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub letter: Letter,
}

impl Mail {
    /// What the letter wants followed.
    pub fn link(&self) -> &str {
        self.letter.link().expect("this letter has no link")
    }

    /// The token in its link.
    pub fn token(&self) -> String {
        token_in(self.link())
    }
}

/// The token in a link.
pub fn token_in(link: &str) -> String {
    let (_, query) = link.split_once(['?', '#']).expect("a link has a query, or a fragment");
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    pairs.into_iter().find(|(name, _)| name == "token").expect("a link has a token").1
}

/// Keeps every letter that it is given.
#[derive(Default)]
pub struct Mailbox(Mutex<Vec<Mail>>);

impl Mailbox {
    /// Takes out what has arrived.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailer for Mailbox {
    fn send<'a>(&'a self, to: &'a Email, letter: &'a Letter) -> Sending<'a> {
        let mail = Mail { to: to.as_str().to_owned(), letter: letter.clone() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        Box::pin(std::future::ready(Ok(())))
    }
}
