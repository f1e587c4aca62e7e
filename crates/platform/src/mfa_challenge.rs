//! The second step of a sign-in: somebody has shown what they know, and shows what they have, or enrols it.

use identity::{Account, Challenge, ChallengePurpose, SignInMethod};
use kernel::{Client, Code, Error, ErrorKind, Result, Secret, SecretHash, Timestamp, secret::ExposeSecret};

use crate::{
    Door, Platform, Transaction,
    accounts::is_closed,
    admission::{Admitted, Opened},
    second_factor::{Confirmed, Proven, ShownFactor},
    sessions::{SignedInUser, Start, sign_in_event},
    totp::EnrolledTotp,
};

/// A challenge that somebody holds.
#[derive(Clone, Debug)]
pub struct ChallengeShown {
    /// Where they come to.
    pub door: Door,
    /// Their device.
    pub client: Client,
    /// The challenge's token.
    pub token: Secret,
}

impl Platform {
    /// Meets a challenge with the second factor: the session begins.
    ///
    /// # Errors
    /// `invalid_token` for a challenge that was met, has expired, or is of another place, program or purpose;
    /// `invalid_code`; `mfa_locked` after too many of those.
    pub async fn meet_challenge(&self, held: ChallengeShown, shown: ShownFactor) -> Result<SignedInUser> {
        let check = self.factor_check();
        let prove = move |tx: &mut dyn Transaction, account: &Account, now| match check.settle(tx, account, &shown, now)
        {
            // It was removed meanwhile: there is nothing that would meet the challenge.
            Err(error) if error.kind() == ErrorKind::NotFound => Err(invalid()),
            done => done,
        };
        self.take_second_step(ChallengePurpose::SignIn, held, prove).await
    }

    /// Enrols an authenticator app for whoever may not sign in without one. The challenge is not used up.
    ///
    /// # Errors
    /// `invalid_token` as above; `totp_already_enabled`.
    pub async fn enroll_totp_challenged(&self, held: ChallengeShown) -> Result<EnrolledTotp> {
        let hash = self.challenge_hash(ChallengePurpose::Enroll, &held);
        let (enrolment, now) = (self.enrolment(), self.now());
        let made = enrolment.clone();
        let enrolled = self.store().write(move |tx| {
            let (_, account) = held_by(tx, hash, now)?;
            made.enroll(tx, &account, now)?;
            Ok(account)
        });
        enrolment.shown(&held.door, &enrolled.await?)
    }

    /// Shows that the authenticator app was enrolled: it counts from now on, and the session begins.
    ///
    /// # Errors
    /// As [`Self::meet_challenge`]; `totp_already_enabled` when another one was enrolled meanwhile.
    pub async fn verify_totp_challenged(&self, held: ChallengeShown, code: Secret) -> Result<SignedInUser> {
        let check = self.factor_check();
        let prove =
            move |tx: &mut dyn Transaction, account: &Account, now| match check.confirm(tx, account, &code, now)? {
                Some((Confirmed::Activated, proven)) => Ok(Some(proven)),
                Some((Confirmed::Valid, _)) => Err(Error::new(Code::TotpAlreadyEnabled)),
                None => Ok(None),
            };
        self.take_second_step(ChallengePurpose::Enroll, held, prove).await
    }

    /// Spends the challenge and begins the session, in one unit of work with what proves the second factor.
    async fn take_second_step(
        &self,
        purpose: ChallengePurpose,
        held: ChallengeShown,
        prove: impl Fn(&mut dyn Transaction, &Account, Timestamp) -> Result<Option<Proven>> + Send + 'static,
    ) -> Result<SignedInUser> {
        let (hash, now) = (self.challenge_hash(purpose, &held), self.now());
        let ChallengeShown { door, client, .. } = held;
        let (lives, signer) = (door.settings().refresh_token_seconds, self.signer().await?);
        let taken = self.store().write(move |tx| {
            let (challenge, account) = held_by(tx, hash, now)?;
            let Some(proven) = prove(tx, &account, now)? else {
                tx.fail_challenge(hash)?;
                return Ok(None);
            };
            if !tx.consume_challenge(hash, now)? {
                return Err(invalid());
            }
            let method = SignInMethod::ALL.into_iter().find(|method| method.name() == challenge.method);
            let method = method.ok_or_else(|| Error::internal("a challenge of an unknown way to sign in"))?;
            let begun = Start { method, client: &client, lives }.begin_proven(tx, &account, proven, now)?;
            tx.append(&sign_in_event(&account, &challenge.method, Some(proven.factor()), now))?;
            Ok(Some(Admitted { account, opened: Opened::In(begun), now }))
        });
        let admitted = taken.await?.ok_or_else(|| Error::new(Code::InvalidCode))?;
        self.let_in(signer, &door, admitted).await
    }

    fn challenge_hash(&self, purpose: ChallengePurpose, held: &ChallengeShown) -> SecretHash {
        let agent = held.client.user_agent.as_deref();
        self.keys().challenges.hash(purpose, held.door.app(), agent, held.token.expose_secret())
    }
}

/// A challenge that can be met, and by whom: not by an account that is closed, or whose sessions have ended since.
fn held_by(tx: &mut dyn Transaction, hash: SecretHash, now: Timestamp) -> Result<(Challenge, Account)> {
    let challenge = tx.challenge(hash, now)?.ok_or_else(invalid)?;
    let account = tx.account(challenge.account)?.filter(|account| account.epoch == challenge.epoch);
    let account = account.ok_or_else(invalid)?;
    if is_closed(tx, &account)? { Err(invalid()) } else { Ok((challenge, account)) }
}

fn invalid() -> Error {
    Error::because(Code::InvalidToken, "This challenge is not valid any more: sign in again.")
}
