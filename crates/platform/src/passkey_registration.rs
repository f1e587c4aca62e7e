//! Adding a passkey to one's account (WebAuthn, 7.1).

use std::time::Duration;

use authz::SignedIn;
use identity::{
    Ceremony, Passkey, PasskeyChallenge,
    passkey::{LIFETIME, MOST},
    webauthn::{Begun, NewCredential, RelyingParty},
};
use kernel::{
    Code, Error, ErrorKind, EventKind, Name, Result, Secret, id::PasskeyId, secret::ExposeSecret, secret::letters,
};
use serde_json::Value;

use crate::{Door, Platform, Transaction, passkeys::passkey_event, reauthentication::Reauthentication};

/// A challenge for an authenticator.
#[derive(Clone, Debug)]
pub struct IssuedChallenge {
    /// Names it, when it is answered.
    pub id: Secret,
    /// How long there is for it.
    pub expires_in: Duration,
    /// What a browser gets the answer by.
    pub public_key: Value,
}

/// The answer to one.
#[derive(Clone, Debug)]
pub struct AnsweredChallenge {
    /// Which challenge.
    pub id: Secret,
    /// What the browser has made of it.
    pub credential: Value,
}

impl Platform {
    /// Begins to add a passkey to the caller's account.
    ///
    /// # Errors
    /// `sign_in_method_disabled` where the app has no passkeys; `passkey_limit_reached`; `reauthentication_required` long
    /// after the sign-in; `invalid_credentials`, `invalid_code`, `account_locked` or `mfa_locked` for what was shown.
    pub async fn begin_passkey(&self, caller: SignedIn, shown: Reauthentication) -> Result<IssuedChallenge> {
        let door = self.door_of(caller.app).await?;
        let (party, _) = relying_party(&door)?;
        let reauthenticated = self.compare(&caller, shown).await?;
        let (key, now, app) = (self.keys().passkeys.clone(), self.now(), door.app());
        let begun = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            let held = tx.passkeys_of(account.id)?;
            if held.len() >= MOST {
                return Err(Error::new(Code::PasskeyLimitReached));
            }
            // Two, because a passkey counts as two from then on.
            if let Some(refused) = reauthenticated.settle_both(tx, &caller, &account, now)? {
                return Ok(Err(refused));
            }
            let email = account.email.as_str();
            let name = account.display_name.as_ref().map_or(email, Name::as_str);
            let Begun { options, state } = party.begin_registration(account.id, email, name, &held)?;
            let id = letters(&rand::random::<[u8; 32]>());
            tx.insert_passkey_challenge(&PasskeyChallenge {
                hash: key.hash(Ceremony::Register, app, &id),
                ceremony: Ceremony::Register,
                account: Some(account.id),
                named: true,
                state,
                expires_at: now.after(LIFETIME),
            })?;
            Ok(Ok(IssuedChallenge { id: id.into(), expires_in: LIFETIME, public_key: options }))
        });
        begun.await?.map_err(Error::new)
    }

    /// Adds the passkey that was made. The challenge is used up, whatever comes of it.
    ///
    /// # Errors
    /// `invalid_passkey_challenge` for one that was used, has expired, or is another's; `passkey_registration_failed` for an
    /// answer that is not right, and for a passkey that is somebody's already; `passkey_limit_reached`.
    pub async fn add_passkey(
        &self,
        caller: SignedIn,
        answered: AnsweredChallenge,
        name: Option<Name>,
    ) -> Result<Passkey> {
        let door = self.door_of(caller.app).await?;
        let (party, rp_id) = relying_party(&door)?;
        let key = self.keys().passkeys.clone();
        let hash = key.hash(Ceremony::Register, door.app(), answered.id.expose_secret());
        let now = self.now();
        let challenge = self.store().read(move |tx| tx.passkey_challenge(Ceremony::Register, hash, now)).await?;
        let challenge = challenge.filter(|challenge| challenge.is_for(caller.account)).ok_or_else(spent)?;
        let made = party.finish_registration(&challenge.state, answered.credential)?;
        let made = made.filter(|made| !key.is_decoy(&made.credential_id));
        let name = name.unwrap_or_else(|| Name::constant("Passkey"));
        let add = move |tx: &mut dyn Transaction| {
            tx.hold_principal(caller.principal)?;
            if !tx.consume_passkey_challenge(Ceremony::Register, hash, Some(caller.account), now)? {
                return Err(spent());
            }
            let failed = Code::PasskeyRegistrationFailed;
            let Some(made) = made.clone() else { return Ok(Err(failed)) };
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if tx.passkeys_of(account.id)?.len() >= MOST {
                return Ok(Err(Code::PasskeyLimitReached));
            }
            if tx.passkey_by_credential(account.app, &made.credential_id)?.is_some() {
                return Ok(Err(failed));
            }
            let NewCredential { credential_id, credential, counter, backup_eligible, backed_up, aaguid, transports } =
                made;
            let passkey = Passkey {
                id: PasskeyId::generate(),
                account: account.id,
                app: account.app,
                rp_id: rp_id.clone(),
                credential_id,
                credential,
                counter: counter.into(),
                backup_eligible,
                backed_up,
                aaguid,
                transports,
                name: name.clone(),
                created_at: now,
                last_used_at: None,
            };
            tx.insert_passkey(&passkey)?;
            tx.append(&passkey_event(EventKind::AuthPasskeyAdded, &account, &passkey, now))?;
            Ok(Ok(passkey))
        };
        let added = match self.store().write(add.clone()).await {
            // Of two who add the same one at once, the second one finds it.
            Err(error) if error.kind() == ErrorKind::Conflict => self.store().write(add).await,
            done => done,
        };
        added?.map_err(Error::new)
    }
}

/// Whom passkeys are made for at a door, and the domain of that.
///
/// # Errors
/// `sign_in_method_disabled` where there are none.
pub(crate) fn relying_party(door: &Door) -> Result<(RelyingParty, String)> {
    let settings = door.settings();
    let party = settings.passkeys.relying_party(settings.site_url.as_ref()).ok().flatten();
    let party = party.ok_or_else(|| Error::new(Code::SignInMethodDisabled))?;
    let name = settings.passkeys.rp_name.as_ref().or_else(|| door.name()).map_or("Fabric", Name::as_str);
    let origins = party.origins.iter().map(apps::Origin::as_str);
    Ok((RelyingParty::new(party.id.as_str(), name, origins)?, party.id.into()))
}

fn spent() -> Error {
    Error::new(Code::InvalidPasskeyChallenge)
}
