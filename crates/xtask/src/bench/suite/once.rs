//! What can be done once: links that sign in, and codes of authenticator apps, of which each step has one. So many are made
//! before the clock runs, and what is measured is how fast they go.

use std::{
    collections::HashMap,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha1::Sha1;

use super::{CONNECTIONS, Suite};
use crate::{
    Outcome,
    bench::{
        api::{Api, text},
        load::{self, Next, Timing},
        report::Baseline,
    },
};

const LINK: &str = "magic link, used";
const CODE: &str = "TOTP verify";

/// How many prepare.
const PREPARING: usize = 16;
/// How long the mails may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// One row ends when there is nothing left to do; in no case later.
const AT_MOST: Timing = Timing { warm_up: Duration::ZERO, window: Duration::from_mins(2) };

/// Somebody with an authenticator app.
struct Phone {
    bearer: String,
    seed: Vec<u8>,
}

impl Phone {
    /// The code of the step that many after the present one (RFC 6238 with SHA-1, six digits, 30 seconds).
    fn code(&self, later: u64) -> Outcome<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())?;
        let mac = Hmac::<Sha1>::new_from_slice(&self.seed).map_err(|error| error.to_string())?;
        let mac = mac.chain_update((now.as_secs() / 30 + later).to_be_bytes()).finalize().into_bytes();
        let from = usize::from(mac[19] & 0x0f);
        let number = mac[from..from + 4].iter().fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
        Ok(format!("{:06}", (number & 0x7fff_ffff) % 1_000_000))
    }
}

impl Suite<'_> {
    /// Who signs in by a link has a session of a moment ago, and so may enrol an authenticator app.
    pub(super) fn links_and_codes(&mut self) -> Outcome {
        if !self.plan.has(LINK) && !self.plan.has(CODE) {
            return Ok(());
        }
        for connections in CONNECTIONS {
            let (api, app) = (self.api, Arc::clone(&self.app));
            let people = (0..self.plan.prepared).map(|number| format!("once{connections}-{number}@bench.example"));
            let people: Vec<_> = people.collect();
            prepare(&people, |email| {
                api.call(&api.new_user(&app, email))?;
                api.call(&api.ask_for_link(&app, email))
            })?;
            let mut links = self.mailed_links(&people)?;
            let signing_in = links.split_off(if self.plan.has(CODE) { links.len() / 2 } else { 0 });
            if self.plan.has(LINK) {
                let links = signing_in.iter().map(|token| api.use_link(&app, token)).collect();
                self.until_done(LINK, connections, links)?;
            }
            if self.plan.has(CODE) {
                let phones = self.phones(&links)?;
                // The next step's, because the present one's was used up when the app was enrolled.
                let codes = phones.iter().map(|phone| Ok(api.verify_totp(&phone.bearer, &phone.code(1)?)));
                self.until_done(CODE, connections, codes.collect::<Outcome<_>>()?)?;
            }
        }
        Ok(())
    }

    /// Links for addresses that nobody has: the same is done and answered for every address.
    pub(super) fn ask_for_links(&self, number: usize) -> Next {
        let (api, app, row) = (self.api, Arc::clone(&self.app), self.rows.len());
        let mut people = 0;
        Box::new(move |_, request| {
            people += 1;
            request.extend_from_slice(&api.ask_for_link(&app, &format!("nobody{people}.{number}.{row}@bench.example")));
        })
    }

    /// Measures until every request was sent.
    fn until_done(&mut self, name: &str, connections: usize, requests: Vec<Vec<u8>>) -> Outcome {
        let mut shares: Vec<Vec<_>> = vec![Vec::new(); connections];
        requests.into_iter().enumerate().for_each(|(number, request)| shares[number % connections].push(request));
        let group = shares.into_iter().map(|mut share| -> Next {
            Box::new(move |_, request| {
                if let Some(next) = share.pop() {
                    *request = next;
                }
            })
        });
        for measurement in load::run(self.address, AT_MOST, vec![group.collect()])? {
            self.add(name, Baseline::Health, measurement);
        }
        Ok(())
    }

    /// The tokens of the links that were mailed to these people.
    fn mailed_links(&self, people: &[String]) -> Outcome<Vec<String>> {
        let until = SystemTime::now() + PATIENCE;
        loop {
            let log = self.server.log()?;
            let links: HashMap<_, _> = log.lines().filter_map(link).collect();
            if let Some(links) = people.iter().map(|email| links.get(email.as_str())).collect::<Option<Vec<_>>>() {
                return Ok(links.into_iter().map(|token| (*token).to_owned()).collect());
            }
            if SystemTime::now() > until {
                return Err(format!("not all of {} links were mailed in {PATIENCE:?}", people.len()));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Signs in by each link, and enrols an authenticator app.
    fn phones(&self, links: &[String]) -> Outcome<Vec<Phone>> {
        let api: Api = self.api;
        prepare(links, |link| {
            let bearer = text(&api.call(&api.use_link(&self.app, link))?, "/data/access_token")?;
            let seed = seed(&api.call(&api.enroll_totp(&bearer))?)?;
            let phone = Phone { bearer, seed };
            api.call(&api.verify_totp(&phone.bearer, &phone.code(0)?))?;
            Ok(phone)
        })
    }
}

/// Does something for everybody, several at once; hands back what came of it.
fn prepare<T: Sync, R: Send>(of: &[T], what: impl Fn(&T) -> Outcome<R> + Sync) -> Outcome<Vec<R>> {
    thread::scope(|scope| {
        let share = of.len().div_ceil(PREPARING).max(1);
        let what = &what;
        let running: Vec<_> =
            of.chunks(share).map(|share| scope.spawn(move || share.iter().map(what).collect::<Vec<_>>())).collect();
        let done = running.into_iter().flat_map(|thread| {
            thread.join().unwrap_or_else(|_| vec![Err("what prepares the load panicked".to_owned())])
        });
        done.collect()
    })
}

/// The address and the token of a line of the log that is about a mail with a link to sign in.
fn link(line: &str) -> Option<(&str, &str)> {
    let token = line.split("/v1/auth/magic-link?token=").nth(1)?.split(['"', '&', ' ', '\\']).next()?;
    Some((line.split("to=").nth(1)?.split(' ').next()?, token))
}

/// The seed in the answer to an enrolment.
fn seed(answer: &Value) -> Outcome<Vec<u8>> {
    let uri = text(answer, "/data/otpauth_uri")?;
    let secret = uri.split("secret=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
    base32(secret).ok_or_else(|| format!("{uri} has no secret"))
}

/// RFC 4648, section 6, without padding.
fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut pending) = (Vec::new(), 0, 0_u32);
    for sign in text.bytes() {
        let value = match sign {
            b'A'..=b'Z' => sign - b'A',
            b'2'..=b'7' => sign - b'2' + 26,
            _ => return None,
        };
        pending = (pending << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(pending >> bits & 0xff).ok()?);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_the_rfc() {
        assert_eq!(base32("MZXW6YTBOI").unwrap(), b"foobar");
        assert_eq!((base32("MZXW6YT!"), base32("")), (None, None));
    }

    #[test]
    fn a_link_is_found_in_the_log() {
        let line = r#"INFO mail to=a@bench.example subject="x" text="Open http://bench.example/v1/auth/magic-link?token=ml_1""#;
        assert_eq!(link(line), Some(("a@bench.example", "ml_1")));
        assert_eq!(link("INFO mail to=a@bench.example text=verify?token=1"), None);
    }
}
