//! The two ceremonies of WebAuthn, registration and authentication. The crate verifies; which answers are asked for, and
//! what is kept, is ours. That a challenge counts once is not asked here.

use std::ops::RangeInclusive;

use kernel::{Code, Error, Result, id::AccountId};
use serde::Serialize;
use serde_cbor_2::Value as Cbor;
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AttestationFormat, AuthenticationResult, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, Credential,
    DiscoverableAuthentication, ECDSACurve, ParsedAttestation, Passkey as Registered, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Url, Webauthn, WebauthnBuilder, WebauthnError, WebauthnResult,
};
use webauthn_rs_proto::{
    AllowCredentials, CollectedClientData, PublicKeyCredentialDescriptor, RegisteredExtensions, ResidentKeyRequirement,
    UserVerificationPolicy,
};

use crate::passkey::{LIFETIME, Passkey};

/// How long a credential id may be, in bytes: the longest one that there is (WebAuthn, 7.1, step 25), and what has room for
/// enough chance that nobody guesses it.
const ID_LENGTHS: RangeInclusive<usize> = 16..=1023;

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
        let (mut options, state) =
            self.0.start_passkey_registration(account.0, email, name, None).map_err(Error::internal)?;
        // For the browser alone. That nobody adds one twice is asked of what is kept by then, not of the challenge.
        let held = held.iter().map(|passkey| passkey.credential_id.clone());
        let exclude = |id| PublicKeyCredentialDescriptor { type_: "public-key".to_owned(), id, transports: None };
        options.public_key.exclude_credentials = Some(held.map(exclude).collect());
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
        let made = Credential::from(registered);
        if !ID_LENGTHS.contains(&made.cred_id.len()) {
            return Ok(None);
        }
        // Nobody has asked who made it: certificates that come all the same, which may name the one device, are not kept.
        let kept = Credential {
            attestation: ParsedAttestation::default(),
            attestation_format: AttestationFormat::None,
            transports: None,
            ..made.clone()
        };
        Ok(Some(NewCredential {
            credential: serde_json::to_string(&Registered::from(kept)).map_err(Error::internal)?,
            credential_id: made.cred_id,
            counter: made.counter,
            backup_eligible: made.backup_eligible,
            backed_up: made.backup_state,
            aaguid: aaguid(&response.response.attestation_object),
            transports: transports(&response),
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

    /// What an assertion by this passkey is worth. Where none may answer, it is worth nothing, and its signature is compared
    /// all the same: with a key that is nobody's, so that the time tells nobody which passkeys there are.
    ///
    /// # Errors
    /// Those of a state or a passkey that is none.
    pub fn finish_sign_in(&self, state: &str, assertion: &Assertion, passkey: Option<&Passkey>) -> Result<Verdict> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(Error::internal)?;
        // The crate asks that at registration alone. A page in somebody else's frame is no page of the app's.
        if assertion.is_framed() {
            return Ok(Verdict::Wrong);
        }
        let Some(passkey) = passkey else {
            return self.compare_with_nobodys(state, assertion).map(|_| Verdict::Wrong);
        };
        let registered: Registered = serde_json::from_str(&passkey.credential).map_err(Error::internal)?;
        Ok(match self.0.finish_discoverable_authentication_v2(&assertion.0, state.clone(), &registered) {
            Ok(right) if right.user_verified() => {
                Verdict::Right { counter: right.counter(), backed_up: right.backup_state() }
            }
            Err(WebauthnError::CredentialPossibleCompromise) => Verdict::Suspect,
            // The one thing about the passkey that the crate asks before it compares.
            Err(WebauthnError::CredentialBackupEligibilityInconsistent) => {
                self.compare_with_nobodys(state, assertion).map(|_| Verdict::Wrong)?
            }
            Ok(_) | Err(_) => Verdict::Wrong,
        })
    }

    /// Does what is done for a passkey, for one that nobody has.
    fn compare_with_nobodys(
        &self,
        state: DiscoverableAuthentication,
        assertion: &Assertion,
    ) -> Result<WebauthnResult<AuthenticationResult>> {
        let nobodys = serde_json::to_string(&nobodys(assertion)).map_err(Error::internal)?;
        let nobodys: Registered = serde_json::from_str(&nobodys).map_err(Error::internal)?;
        Ok(self.0.finish_discoverable_authentication_v2(&assertion.0, state, &nobodys))
    }
}

/// A passkey that nobody has, of the name that the assertion gives, and synchronised or not as it says.
fn nobodys(assertion: &Assertion) -> Registered {
    // Of a P-256 key that was forgotten when it was made.
    const X: [u8; 32] = [
        0xe9, 0x8e, 0x1f, 0xac, 0x8e, 0x1e, 0xd4, 0xf9, 0xcc, 0xfe, 0x0c, 0x48, 0xce, 0xa0, 0x1d, 0x99, 0x98, 0xbe,
        0x5a, 0x06, 0xe2, 0x98, 0xf6, 0x9f, 0xbd, 0xdf, 0x39, 0xeb, 0x37, 0x34, 0x3f, 0xfd,
    ];
    const Y: [u8; 32] = [
        0x8f, 0x28, 0xb0, 0xce, 0xb8, 0xd2, 0x10, 0xa0, 0xa7, 0x0a, 0xe6, 0x31, 0xfa, 0xcb, 0x10, 0xe3, 0x66, 0x0a,
        0x91, 0x76, 0x3e, 0x25, 0xdf, 0x4c, 0xd9, 0xd2, 0x5e, 0xe7, 0xcd, 0x5c, 0x21, 0x71,
    ];
    let key = COSEEC2Key { curve: ECDSACurve::SECP256R1, x: X.to_vec(), y: Y.to_vec() };
    Registered::from(Credential {
        cred_id: assertion.credential_id().to_vec(),
        cred: COSEKey { type_: COSEAlgorithm::ES256, key: COSEKeyType::EC_EC2(key) },
        counter: 0,
        transports: None,
        user_verified: true,
        backup_eligible: assertion.may_be_synchronised(),
        backup_state: false,
        registration_policy: UserVerificationPolicy::Required,
        extensions: RegisteredExtensions::none(),
        attestation: ParsedAttestation::default(),
        attestation_format: AttestationFormat::None,
    })
}

/// How browsers say that the authenticator is reached, each way once.
fn transports(made: &RegisterPublicKeyCredential) -> Vec<String> {
    let mut named = Vec::new();
    for transport in made.response.transports.iter().flatten() {
        let name = transport.as_ref().to_owned();
        if name != "unknown" && !named.contains(&name) {
            named.push(name);
        }
    }
    named
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

    /// Whether a page has asked for it in a frame of somebody else's (WebAuthn, 5.8.1).
    fn is_framed(&self) -> bool {
        let said: Option<CollectedClientData> = serde_json::from_slice(&self.0.response.client_data_json).ok();
        said.is_some_and(|said| said.cross_origin == Some(true))
    }

    /// Whether it says that the passkey may be on several devices (WebAuthn, 6.1).
    fn may_be_synchronised(&self) -> bool {
        const ELIGIBLE: u8 = 1 << 3;
        // Behind the hash of the relying party's id.
        self.0.response.authenticator_data.get(32).is_some_and(|flags| flags & ELIGIBLE != 0)
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

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use serde_json::json;
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn acme() -> RelyingParty {
        RelyingParty::new("acme.example", "Acme", ["https://acme.example"]).unwrap()
    }

    /// An answer that is right in all but its signature, with these flags.
    fn assertion(begun: &Begun, flags: u8) -> Assertion {
        let client_data = json!({
            "type": "webauthn.get", "challenge": begun.options["challenge"], "origin": "https://acme.example",
        });
        let data = [Sha256::digest("acme.example").as_slice(), &[flags, 0, 0, 0, 1]].concat();
        let id = BASE64.encode([7; 32]);
        let sent = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client_data.to_string()),
                "authenticatorData": BASE64.encode(data),
                // Two numbers, as the signature of such a key is.
                "signature": BASE64.encode([0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]),
            },
        });
        Assertion::parse(sent).unwrap()
    }

    #[test]
    fn attack_31_a_signature_is_compared_for_who_is_not_there() {
        let party = acme();
        // There, verified; of one device or of several.
        for flags in [0b0000_0101, 0b0000_1101, 0b0001_1101] {
            let begun = party.begin_sign_in(Vec::new()).unwrap();
            let assertion = assertion(&begun, flags);
            let state = serde_json::from_str(&begun.state).unwrap();
            let told = party.compare_with_nobodys(state, &assertion).unwrap();
            assert!(matches!(told, Err(WebauthnError::AuthenticationFailure)), "{told:?}");
            assert_eq!(party.finish_sign_in(&begun.state, &assertion, None).unwrap(), Verdict::Wrong);
        }
    }

    #[test]
    fn a_challenge_keeps_no_ids_and_no_names() {
        let party = acme();
        let account = AccountId::generate();
        let begun = party.begin_registration(account, "alice@example.com", "Alice", &[]).unwrap();
        for said in ["alice", "Alice", &account.to_string(), &BASE64.encode(account.0.as_bytes())] {
            assert!(begun.options.to_string().contains(said) || said.len() == 36, "{said}");
            assert!(!begun.state.contains(said), "{}", begun.state);
        }
    }
}
