//! Whoever changes what they sign in with has signed in a moment ago, or shows once more that it is they: a token that was
//! stolen is not enough (OWASP ASVS 5, 7.5.1).

use std::time::Duration;

use apps::Mfa;
use authz::{Caller, Credential, SignedIn};
use identity::{Account, Session, SignInMethod, password::Password};
use kernel::{Code, Error, Event, EventKind, Result, Timestamp, id::SessionId};
use serde_json::json;

use crate::{
    Platform, Transaction,
    accounts::account_event,
    password_check::Compared,
    second_factor::{FactorCheck, ShownFactor},
};

/// For how long a sign-in is a moment ago, and so is whoever has shown once more who they are.
pub const FRESH: Duration = Duration::from_mins(10);

/// What somebody shows once more. A sign-in of a moment ago needs nothing.
#[derive(Clone, Debug, Default)]
pub struct Reauthentication {
    /// Their password.
    pub password: Option<Password>,
    /// Their second factor.
    pub factor: Option<ShownFactor>,
}

/// The same, on its way into a unit of work.
pub(crate) struct Reauthenticated {
    compared: Option<Compared>,
    factor: Option<ShownFactor>,
    check: FactorCheck,
    /// What a sign-in asks for.
    mfa: Mfa,
}

impl Platform {
    /// Shows once more who is signed in, for all that is done in this session within the next ten minutes.
    ///
    /// # Errors
    /// `invalid_request` for who shows nothing; `session_required` for who is signed in at another issuer, and in no session
    /// of ours; `reauthentication_required` for a password alone where a sign-in takes more; `invalid_credentials`,
    /// `invalid_code`; `account_locked`, `mfa_locked`.
    pub async fn reauthenticate(&self, caller: SignedIn, shown: Reauthentication) -> Result<()> {
        if shown.password.is_none() && shown.factor.is_none() {
            return Err(Error::because(Code::InvalidRequest, "Show a password, a code or a recovery_code."));
        }
        let session = caller.session.ok_or_else(|| Error::new(Code::SessionRequired))?;
        let (compared, now) = (self.compare(&caller, shown).await?, self.now());
        let settled = self.store().write(move |tx| {
            // It may have ended a moment ago: then nothing is used up for it.
            tx.live_session(session)?.ok_or_else(|| Error::new(Code::TokenRevoked))?;
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if let Some(refused) = compared.settle(tx, &caller, &account, now)? {
                return Ok(Some(refused));
            }
            if compared.lacks_factor(tx, &account)? {
                // However fresh the session is: it must not stay so by the password alone.
                return Err(factor_required());
            }
            tx.note_authentication(session, now)?;
            tx.append(&Event {
                payload: json!({ "principal_id": account.principal, "session_id": session }),
                ..account_event(EventKind::AuthReauthenticated, &account, now)
            })?;
            Ok(None)
        });
        settled.await?.map_or(Ok(()), |refused| Err(Error::new(refused)))
    }

    /// Compares what has to be compared before a unit of work.
    ///
    /// # Errors
    /// `account_locked`; `overloaded`.
    pub(crate) async fn compare(&self, caller: &SignedIn, shown: Reauthentication) -> Result<Reauthenticated> {
        let door = self.door_of(caller.app).await?;
        let compared = match shown.password {
            Some(password) => {
                let facts = self.account_facts(caller.account).await?.ok_or_else(Error::not_found)?;
                Some(self.compare_password(&door, &facts.email, password).await?)
            }
            None => None,
        };
        Ok(Reauthenticated { compared, factor: shown.factor, check: self.factor_check(), mfa: door.settings().mfa })
    }
}

impl Reauthenticated {
    /// The code of the refusal, if what was shown was wrong: to be committed, because it is counted.
    ///
    /// # Errors
    /// `reauthentication_required` when the sign-in was long ago, and nothing was shown, or a password alone where a sign-in
    /// takes more; `mfa_locked`; `account_locked`.
    pub fn settle(
        &self,
        tx: &mut dyn Transaction,
        caller: &SignedIn,
        account: &Account,
        now: Timestamp,
    ) -> Result<Option<Code>> {
        if let Some(compared) = &self.compared
            && compared.settle(tx, now)?.is_none_or(|proven| proven.id != account.id)
        {
            return Ok(Some(Code::InvalidCredentials));
        }
        if let Some(factor) = &self.factor
            && self.check.settle(tx, account, factor, now)?.is_none()
        {
            return Ok(Some(Code::InvalidCode));
        }
        if self.compared.is_none() && self.factor.is_none() {
            require_fresh(tx, caller, now)?;
        }
        if self.lacks_factor(tx, account)? && !is_fresh(tx, caller.session, now)? {
            return Err(factor_required());
        }
        Ok(None)
    }

    /// The same for what is worth two factors, and for what takes one away. Where the account's app asks for a second
    /// factor, and the account has one, a password is not enough: the factor is shown too, unless the session began with
    /// two a moment ago.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub fn settle_both(
        &self,
        tx: &mut dyn Transaction,
        caller: &SignedIn,
        account: &Account,
        now: Timestamp,
    ) -> Result<Option<Code>> {
        if self.factor.is_none()
            && self.is_asked_for_two(tx, account)?
            && !session_of(tx, caller.session)?.is_some_and(|session| began_with_two(&session, now))
        {
            return Err(factor_required());
        }
        self.settle(tx, caller, account, now)
    }

    /// Whether a password was shown and nothing else, by somebody whom a sign-in asks for a second factor too.
    fn lacks_factor(&self, tx: &mut dyn Transaction, account: &Account) -> Result<bool> {
        Ok(self.compared.is_some() && self.factor.is_none() && self.is_asked_for_two(tx, account)?)
    }

    /// Whether a sign-in would ask the account for a second factor that it has.
    fn is_asked_for_two(&self, tx: &mut dyn Transaction, account: &Account) -> Result<bool> {
        Ok(self.mfa != Mfa::Off && tx.totp(account.id)?.is_some_and(|totp| totp.verified_at.is_some()))
    }
}

fn factor_required() -> Error {
    let why = "Show a code or a recovery_code as well: a password alone is not enough.";
    Error::because(Code::ReauthenticationRequired, why)
}

/// Whether somebody signed in with two factors a moment ago. What was shown since, and was not among what is shown now, does
/// not count: it may have been the password alone.
fn began_with_two(session: &Session, now: Timestamp) -> bool {
    let two = session.second_factor.is_some() || session.method == SignInMethod::Passkey;
    two && now < session.created_at.after(FRESH)
}

/// # Errors
/// `reauthentication_required`.
pub(crate) fn require_fresh(tx: &mut dyn Transaction, caller: &SignedIn, now: Timestamp) -> Result<()> {
    if is_fresh(tx, caller.session, now)? { Ok(()) } else { Err(Error::new(Code::ReauthenticationRequired)) }
}

/// The same of whoever changes what others sign in with. A program has no moment at which it signed in: of keys and apps,
/// scopes and actions say what they are good for.
///
/// # Errors
/// `reauthentication_required`; `session_required` for who is signed in at another issuer: when that was is not known.
pub(crate) fn require_fresh_person(tx: &mut dyn Transaction, caller: &Caller, now: Timestamp) -> Result<()> {
    match caller.credential {
        Credential::Session { session, .. } if !is_fresh(tx, Some(session), now)? => {
            Err(Error::new(Code::ReauthenticationRequired))
        }
        Credential::External { .. } | Credential::Exchange { .. } => Err(Error::new(Code::SessionRequired)),
        Credential::Session { .. }
        | Credential::ApiKey(_)
        | Credential::Client(_)
        | Credential::App
        | Credential::Development { .. } => Ok(()),
    }
}

/// Whether a session began a moment ago, or whose it is has shown since who they are. A refresh does not make it younger.
fn is_fresh(tx: &mut dyn Transaction, session: Option<SessionId>, now: Timestamp) -> Result<bool> {
    Ok(session_of(tx, session)?.is_some_and(|session| now < session.authenticated_at.after(FRESH)))
}

fn session_of(tx: &mut dyn Transaction, session: Option<SessionId>) -> Result<Option<Session>> {
    Ok(session.map(|id| tx.live_session(id)).transpose()?.flatten())
}
