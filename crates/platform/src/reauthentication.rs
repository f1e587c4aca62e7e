//! Whoever changes what they sign in with has signed in a moment ago, or shows once more that it is they: a token that was
//! stolen is not enough (OWASP ASVS 5, 7.5.1).

use std::time::Duration;

use authz::SignedIn;
use identity::{Account, password::Password};
use kernel::{Code, Error, Result, Timestamp};

use crate::{
    Platform, Transaction,
    password_check::Compared,
    second_factor::{FactorCheck, ShownFactor},
};

/// For how long a sign-in is a moment ago.
const FRESH: Duration = Duration::from_mins(10);

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
}

impl Platform {
    /// Compares what has to be compared before a unit of work.
    ///
    /// # Errors
    /// `account_locked`; `overloaded`.
    pub(crate) async fn reauthenticate(&self, caller: &SignedIn, shown: Reauthentication) -> Result<Reauthenticated> {
        let compared = match shown.password {
            Some(password) => {
                let door = self.door_of(caller.app).await?;
                let facts = self.account_facts(caller.account).await?.ok_or_else(Error::not_found)?;
                Some(self.compare_password(&door, &facts.email, password).await?)
            }
            None => None,
        };
        Ok(Reauthenticated { compared, factor: shown.factor, check: self.factor_check() })
    }
}

impl Reauthenticated {
    /// The code of the refusal, if what was shown was wrong: to be committed, because it is counted.
    ///
    /// # Errors
    /// `reauthentication_required` when nothing was shown and the sign-in was long ago; `mfa_locked`; `account_locked`.
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
        let shown = self.compared.is_some() || self.factor.is_some();
        if shown || is_fresh(tx, caller, now)? { Ok(None) } else { Err(Error::new(Code::ReauthenticationRequired)) }
    }
}

/// Whether the caller's session began a moment ago. A refresh does not make it younger; and when somebody signed in at
/// another issuer is not known.
fn is_fresh(tx: &mut dyn Transaction, caller: &SignedIn, now: Timestamp) -> Result<bool> {
    let session = caller.session.map(|id| tx.live_session(id)).transpose()?.flatten();
    Ok(session.is_some_and(|session| now < session.created_at.after(FRESH)))
}
