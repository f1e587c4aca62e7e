//! Letting in whoever has shown who they are. It is asked here, and nowhere else, whether their account may come in, and for
//! what their app wants besides: so that no way of signing in can pass that by.

use apps::{AppSettings, Mfa};
use identity::{Account, Challenge, ChallengeKey, ChallengePurpose, SignInMethod, mfa_challenge::LIFETIME};
use kernel::{Client, Code, Error, Event, EventKind, Result, Secret, Timestamp, error::SecondStep, secret::letters};
use serde_json::json;

use crate::{
    Door, Platform, Transaction,
    accounts::account_event,
    sessions::{Begun, SignedInUser, Start, sign_in_event},
    signing_keys::Signer,
};

/// The way in of somebody who has shown what they know: the one place where sessions begin.
#[derive(Clone)]
pub(crate) struct WayIn {
    client: Client,
    challenges: ChallengeKey,
    method: SignInMethod,
}

/// What is open to somebody. To be committed either way.
pub(crate) enum Opened {
    /// The session has begun.
    In(Begun),
    /// There is a second step.
    SecondStep(ChallengePurpose, Secret),
}

/// Somebody who has been let in, before anything is handed out.
pub(crate) struct Admitted {
    /// With what.
    pub account: Account,
    /// What is open to them.
    pub opened: Opened,
    /// Since when.
    pub now: Timestamp,
}

/// Who was let in, or the code of the refusal.
pub(crate) type Admission = std::result::Result<Admitted, Code>;

impl WayIn {
    /// What was shown.
    pub fn method(&self) -> SignInMethod {
        self.method
    }

    /// Lets an account's owner in: a session begins, and the ledger is told, or a second factor is asked for. Refuses with
    /// `account_disabled`, and `email_not_verified` where the app wants a proven address. To be committed either way.
    pub fn admit(
        &self,
        tx: &mut dyn Transaction,
        settings: &AppSettings,
        account: Account,
        now: Timestamp,
    ) -> Result<Admission> {
        let login = sign_in_event(&account, self.method.name(), None, now);
        self.admit_as(tx, settings, account, &login, now)
    }

    /// The same, where the ledger is told something else of a session that begins.
    pub fn admit_as(
        &self,
        tx: &mut dyn Transaction,
        settings: &AppSettings,
        account: Account,
        login: &Event,
        now: Timestamp,
    ) -> Result<Admission> {
        if account.disabled_at.is_some() {
            return Ok(Err(Code::AccountDisabled));
        }
        if settings.require_verified_email && !account.email_verified() {
            return Ok(Err(Code::EmailNotVerified));
        }
        let admitted = self.admit_new(tx, settings, account, now)?;
        if let Opened::In(_) = admitted.opened {
            tx.append(login)?;
        }
        Ok(Ok(admitted))
    }

    /// The same for who has made the account in this moment. To sign up is not to sign in: the ledger has been told.
    pub fn admit_new(
        &self,
        tx: &mut dyn Transaction,
        settings: &AppSettings,
        account: Account,
        now: Timestamp,
    ) -> Result<Admitted> {
        let opened = self.open(tx, settings, &account, now)?;
        Ok(Admitted { account, opened, now })
    }

    /// Begins a session, or asks for a second factor, as the account's app wants it.
    fn open(
        &self,
        tx: &mut dyn Transaction,
        settings: &AppSettings,
        account: &Account,
        now: Timestamp,
    ) -> Result<Opened> {
        // A passkey is two factors already: its owner's device, and what that asks its owner for.
        let mfa = if self.method == SignInMethod::Passkey { Mfa::Off } else { settings.mfa };
        let has_one = match mfa {
            Mfa::Off => false,
            Mfa::Optional | Mfa::Required => tx.totp(account.id)?.is_some_and(|totp| totp.verified_at.is_some()),
        };
        let purpose = match (mfa, has_one) {
            (Mfa::Off, _) | (Mfa::Optional, false) => {
                let start = Start { method: self.method, client: &self.client, lives: settings.refresh_token_seconds };
                return start.begin(tx, account, now).map(Opened::In);
            }
            (Mfa::Optional | Mfa::Required, true) => ChallengePurpose::SignIn,
            (Mfa::Required, false) => ChallengePurpose::Enroll,
        };
        let token = letters(&rand::random::<[u8; 32]>());
        tx.insert_challenge(&Challenge {
            hash: self.challenges.hash(purpose, account.app, self.client.user_agent.as_deref(), &token),
            purpose,
            account: account.id,
            method: self.method.name().to_owned(),
            epoch: account.epoch,
            failures: 0,
            expires_at: now.after(LIFETIME),
        })?;
        tx.append(&Event {
            payload: json!({
                "principal_id": account.principal, "method": self.method.name(), "purpose": purpose.name(),
            }),
            ..account_event(EventKind::AuthMfaChallenged, account, now)
        })?;
        Ok(Opened::SecondStep(purpose, token.into()))
    }
}

impl Platform {
    /// The way in for who has shown what the method says.
    pub(crate) fn way_in(&self, client: Client, method: SignInMethod) -> WayIn {
        WayIn { client, challenges: self.keys().challenges.clone(), method }
    }

    /// Hands out what is open to somebody.
    ///
    /// # Errors
    /// `mfa_required` or `mfa_enrollment_required`, with the challenge, where there is a second step.
    pub(crate) async fn hand_out(&self, signer: Signer, door: &Door, admitted: Admitted) -> Result<SignedInUser> {
        let Admitted { account, opened, now } = admitted;
        let (code, methods, token): (_, &[_], _) = match opened {
            Opened::In(begun) => {
                let tokens = self.write_tokens(signer, door, &account, begun, now).await?;
                return Ok(SignedInUser { account, tokens });
            }
            Opened::SecondStep(ChallengePurpose::SignIn, token) => {
                (Code::MfaRequired, &["totp", "recovery_code"], token)
            }
            Opened::SecondStep(ChallengePurpose::Enroll, token) => (Code::MfaEnrollmentRequired, &["totp"], token),
        };
        Err(Error::new(code).second_step(SecondStep { token, methods, expires_in: LIFETIME }))
    }

    /// The same for who has signed in, and not just signed up: it is counted.
    ///
    /// # Errors
    /// As [`Self::hand_out`].
    pub(crate) async fn let_in(&self, signer: Signer, door: &Door, admitted: Admitted) -> Result<SignedInUser> {
        let signed_in = self.hand_out(signer, door, admitted).await?;
        metrics::counter!("fabric_sign_ins_total").increment(1);
        Ok(signed_in)
    }
}
