//! The two ceremonies of WebAuthn, registration and authentication. The crate verifies; which answers are asked for, and
//! what is kept, is ours. That a challenge counts once is not asked here.

use kernel::{Code, Error, Result, id::AccountId};
use serde::Serialize;
use serde_cbor_2::Value as Cbor;
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, Passkey as Registered, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Webauthn, WebauthnBuilder, WebauthnError,
};
use webauthn_rs_proto::{AllowCredentials, ResidentKeyRequirement};

use crate::passkey::{LIFETIME, Passkey};

/// Whom passkeys are made for: a domain, and the pages below it.
pub struct RelyingParty(Webauthn);

/// Options as `PublicKeyCredential.parse…OptionsFromJSON()` takes them, and what to keep until they are answered.
pub struct Begun {
    /// For the browser.
    pub options: Value,
    /// For the other half of the ceremony.
    pub state: String,
}

/// A key pair that was made for an account.
#[derive(Clone)]
pub struct NewCredential {
    /// Its own name for itself.
    pub credential_id: Vec<u8>,
    /// Its public half.
    pub credential: String,
    /// How often it was used.
    pub counter: u32,
    /// Whether it may be on several devices.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backed_up: bool,
    /// What model made it, as it says.
    pub aaguid: Option<Uuid>,
    /// How browsers reach it.
    pub transports: Vec<String>,
}

/// What a browser sends of a passkey that somebody signs in with. Nothing in it is believed yet.
pub struct Assertion(PublicKeyCredential);

/// What an assertion is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The passkey's owner has signed the challenge, here, and was verified by their device.
    Right {
        /// How often it was used, as it says.
        counter: u32,
        /// Whether it is on several devices.
        backed_up: bool,
    },
    /// The same, but it had been used more often when it was registered: there may be a copy.
    Suspect,
    /// Nothing.
    Wrong,
}

impl RelyingParty {
    /// # Errors
    /// Those of an id that is not a suffix of an origin's domain.
    pub fn new<'a>(id: &str, name: &str, origins: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let origins: Vec<Url> =
            origins.into_iter().map(Url::parse).collect::<std::result::Result<_, _>>().map_err(Error::internal)?;
        let (first, others) =
            origins.split_first().ok_or_else(|| Error::internal("a relying party without origins"))?;
        let builder = WebauthnBuilder::new(id, first).map_err(Error::internal)?.rp_name(name).timeout(LIFETIME);
        let builder = others.iter().fold(builder, WebauthnBuilder::append_allowed_origin);
        builder.build().map(Self).map_err(Error::internal)
    }

    /// What a browser makes another passkey by: one that is found without a name, and that asks for a fingerprint, a face or
    /// a PIN. Nobody asks what made it.
    pub fn begin_registration(&self, account: AccountId, email: &str, name: &str, held: &[Passkey]) -> Result<Begun> {
        let held = held.iter().map(|passkey| passkey.credential_id.clone()).collect();
        let begun = self.0.start_passkey_registration(account.0, email, name, Some(held));
        let (mut options, state) = begun.map_err(Error::internal)?;
        // The crate asks for one that may be found. Where it cannot be, most people do not get in with it.
        if let Some(selection) = &mut options.public_key.authenticator_selection {
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        begun_with(&options.public_key, &state)
    }

    /// The passkey that a browser has made, if it has made it as it was asked to.
    ///
    /// # Errors
    /// Those of a state that is none.
    pub fn finish_registration(&self, state: &str, response: Value) -> Result<Option<NewCredential>> {
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(Error::internal)?;
        let Ok(response) = serde_json::from_value::<RegisterPublicKeyCredential>(response) else { return Ok(None) };
        let Ok(registered) = self.0.finish_passkey_registration(&response, &state) else { return Ok(None) };
        let transports = response.response.transports.iter().flatten().map(serde_json::to_value);
        let transports = transports.filter_map(|name| name.ok()?.as_str().map(str::to_owned));
        let credential = serde_json::to_string(&registered).map_err(Error::internal)?;
        let made = Credential::from(registered);
        Ok(Some(NewCredential {
            credential_id: made.cred_id,
            credential,
            counter: made.counter,
            backup_eligible: made.backup_eligible,
            backed_up: made.backup_state,
            aaguid: aaguid(&response.response.attestation_object),
            transports: transports.filter(|name| name != "unknown").collect(),
        }))
    }

    /// What a browser has signed: by one of these passkeys, or by whichever it knows.
    pub fn begin_sign_in(&self, allowed: Vec<Vec<u8>>) -> Result<Begun> {
        let (mut options, state) = self.0.start_discoverable_authentication().map_err(Error::internal)?;
        // How they are reached is left out: of passkeys that there are not, nobody knows.
        let allow = |id| AllowCredentials { type_: "public-key".to_owned(), id, transports: None };
        options.public_key.allow_credentials = allowed.into_iter().map(allow).collect();
        options.public_key.extensions = None;
        begun_with(&options.public_key, &state)
    }

    /// What an assertion by this passkey is worth.
    ///
    /// # Errors
    /// Those of a state or a passkey that is none.
    pub fn finish_sign_in(&self, state: &str, assertion: &Assertion, passkey: &Passkey) -> Result<Verdict> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(Error::internal)?;
        let registered: Registered = serde_json::from_str(&passkey.credential).map_err(Error::internal)?;
        Ok(match self.0.finish_discoverable_authentication_v2(&assertion.0, state, &registered) {
            Ok(right) if right.user_verified() => {
                Verdict::Right { counter: right.counter(), backed_up: right.backup_state() }
            }
            Err(WebauthnError::CredentialPossibleCompromise) => Verdict::Suspect,
            Ok(_) | Err(_) => Verdict::Wrong,
        })
    }
}

impl Assertion {
    /// What a browser sent, if it is one.
    #[must_use]
    pub fn parse(response: Value) -> Option<Self> {
        serde_json::from_value(response).ok().map(Self)
    }

    /// Which passkey it says it is by.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        self.0.get_credential_id()
    }

    /// Whose the authenticator says that it is (the user handle), where it says so.
    ///
    /// # Errors
    /// `passkey_authentication_failed` for a handle that was never ours.
    pub fn account(&self) -> Result<Option<AccountId>> {
        let refused = |_| Error::new(Code::PasskeyAuthenticationFailed);
        let handle = self.0.get_user_unique_id().filter(|handle| !handle.is_empty());
        handle.map(|handle| Uuid::from_slice(handle).map(AccountId).map_err(refused)).transpose()
    }
}

fn begun_with(options: &impl Serialize, state: &impl Serialize) -> Result<Begun> {
    let state = serde_json::to_string(state).map_err(Error::internal)?;
    Ok(Begun { options: serde_json::to_value(options).map_err(Error::internal)?, state })
}

/// What model of authenticator made a credential (WebAuthn, 6.5.1): the crate reads it, and does not say. All zeros is one
/// that does not say either.
fn aaguid(attestation_object: &[u8]) -> Option<Uuid> {
    let Ok(Cbor::Map(object)) = serde_cbor_2::from_slice(attestation_object) else { return None };
    let Some(Cbor::Bytes(data)) = object.get(&Cbor::Text("authData".to_owned())) else { return None };
    // Behind the hash of the relying party's id, the flags and the counter.
    let aaguid = Uuid::from_slice(data.get(37..53)?).ok()?;
    (!aaguid.is_nil()).then_some(aaguid)
}
