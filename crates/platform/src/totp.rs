//! Authenticator apps: enrolled, verified, used, removed.

use authz::SignedIn;
use identity::{
    Account, RecoveryCode, Seed, Totp,
    recovery_code::HOW_MANY,
    totp::{Step, place},
};
use kernel::{Code, Error, EventKind, Name, Result, Secret, SecretHash, Timestamp, id::TotpId};

use crate::{
    Door, Platform, Transaction,
    accounts::account_event,
    keys::Sealing,
    reauthentication::Reauthentication,
    second_factor::{Confirmed, ShownFactor, not_enrolled},
};

/// What somebody sees once, and never again.
#[derive(Clone, Debug)]
pub struct EnrolledTotp {
    /// What the authenticator app scans, with the seed in it.
    pub uri: Secret,
    /// What gets them in without it, each once.
    pub recovery_codes: Vec<Secret>,
}

/// What somebody has enrolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TotpState {
    /// Whether there is an authenticator app.
    pub enrolled: bool,
    /// Since when it counts, if it does.
    pub verified_at: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

/// A seed with its recovery codes, before it is anybody's.
#[derive(Clone)]
pub(crate) struct Enrolment {
    seed: Seed,
    recovery_codes: Vec<RecoveryCode>,
    sealing: Sealing,
}

impl Platform {
    pub(crate) fn enrolment(&self) -> Enrolment {
        Enrolment {
            seed: Seed::from_random(rand::random()),
            recovery_codes: (0..HOW_MANY).map(|_| RecoveryCode::from_random(rand::random())).collect(),
            sealing: self.keys().sealing.clone(),
        }
    }

    /// What the caller has enrolled. Nothing of it gets anybody in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn totp_state(&self, caller: SignedIn) -> Result<TotpState> {
        let state = self.store().read(move |tx| {
            let Some(totp) = tx.totp(caller.account)? else { return Ok(TotpState::default()) };
            let recovery_codes_left = tx.recovery_codes_left(totp.id)?;
            Ok(TotpState { enrolled: true, verified_at: totp.verified_at, recovery_codes_left })
        });
        state.await
    }

    /// Enrols an authenticator app for the caller's account, in place of one that was never verified. It counts once a code
    /// of it was shown.
    ///
    /// # Errors
    /// `totp_already_enabled`; `reauthentication_required` long after the sign-in; `invalid_credentials` or
    /// `account_locked` for a wrong password.
    pub async fn enroll_totp(&self, caller: SignedIn, shown: Reauthentication) -> Result<EnrolledTotp> {
        let door = self.door_of(caller.app).await?;
        let reauthenticated = self.compare(&caller, shown).await?;
        let (enrolment, now) = (self.enrolment(), self.now());
        let made = enrolment.clone();
        let enrolled = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if let Some(refused) = reauthenticated.settle(tx, &caller, &account, now)? {
                return Ok(Err(refused));
            }
            made.enroll(tx, &account, now)?;
            Ok(Ok(account))
        });
        enrolment.shown(&door, &enrolled.await?.map_err(Error::new)?)
    }

    /// Compares a code of the caller's authenticator app, and uses it up. The first one lets it count.
    ///
    /// # Errors
    /// `invalid_code`; `mfa_locked` after too many of those; `not_found` when nothing is enrolled.
    pub async fn verify_totp(&self, caller: SignedIn, code: Secret) -> Result<Confirmed> {
        let (check, now) = (self.factor_check(), self.now());
        let confirmed = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            check.confirm(tx, &account, &code, now)
        });
        confirmed.await?.map(|(confirmed, _)| confirmed).ok_or_else(|| Error::new(Code::InvalidCode))
    }

    /// Uses one of the caller's recovery codes up.
    ///
    /// # Errors
    /// `invalid_code`; `mfa_locked`; `not_found` when there is no second factor.
    pub async fn use_recovery_code(&self, caller: SignedIn, code: Secret) -> Result<()> {
        let (check, now, shown) = (self.factor_check(), self.now(), ShownFactor::RecoveryCode(code));
        let used = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            check.settle(tx, &account, &shown, now)
        });
        used.await?.map(drop).ok_or_else(|| Error::new(Code::InvalidCode))
    }

    /// Removes the caller's second factor.
    ///
    /// # Errors
    /// `not_found` without one; `reauthentication_required` long after the sign-in; `invalid_credentials`, `invalid_code`,
    /// `account_locked` or `mfa_locked` for what was shown.
    pub async fn disable_totp(&self, caller: SignedIn, shown: Reauthentication) -> Result<()> {
        let reauthenticated = self.compare(&caller, shown).await?;
        let (check, now) = (self.factor_check(), self.now());
        let disabled = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            tx.totp(account.id)?.ok_or_else(not_enrolled)?;
            if let Some(refused) = reauthenticated.settle_both(tx, &caller, &account, now)? {
                return Ok(Err(refused));
            }
            let removed = tx.remove_totp(account.id)?.ok_or_else(not_enrolled)?;
            check.clear(tx, &account)?;
            if removed.verified_at.is_some() {
                tx.append(&account_event(EventKind::AuthTotpDisabled, &account, now))?;
            }
            Ok(Ok(()))
        });
        disabled.await?.map_err(Error::new)
    }
}

impl Enrolment {
    /// # Errors
    /// `totp_already_enabled`.
    pub fn enroll(&self, tx: &mut dyn Transaction, account: &Account, now: Timestamp) -> Result<()> {
        let totp = Totp {
            id: TotpId::generate(),
            account: account.id,
            seed: self.sealing.seal(self.seed.to_store(), &place(account.id))?,
            last_step: Step(0),
            verified_at: None,
            created_at: now,
        };
        let hashes: Vec<SecretHash> = self.recovery_codes.iter().map(|code| self.seed.hash(code)).collect();
        tx.note_sealing_key(self.sealing.current()?, now)?;
        if tx.enroll_totp(&totp, &hashes)? { Ok(()) } else { Err(Error::new(Code::TotpAlreadyEnabled)) }
    }

    /// As its owner sees it. An app that says what it is called to its users is called so in the authenticator app too.
    pub fn shown(&self, door: &Door, account: &Account) -> Result<EnrolledTotp> {
        let own = door.settings().branding.from_name.as_ref().map(Name::as_str);
        Ok(EnrolledTotp {
            uri: self.seed.uri(own.unwrap_or("Fabric"), account.email.as_str())?,
            recovery_codes: self.recovery_codes.iter().map(RecoveryCode::to_show).collect(),
        })
    }
}
