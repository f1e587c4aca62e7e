use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use url::Url;
use webauthn_authenticator_rs::{
    AuthenticatorBackendHashedClientData as _, WebauthnAuthenticator as _, softpasskey::SoftPasskey,
};
use webauthn_rs_proto::{
    AllowCredentials, CreationChallengeResponse, PublicKeyCredentialRequestOptions, RequestChallengeResponse,
    UserVerificationPolicy,
};

use super::{Answer, App, Person, World};

/// Where the browser is, unless a story says otherwise.
pub const PAGE: &str = "https://acme.example";

/// A device with passkeys on it, and the browser in front.
pub struct Device {
    authenticator: SoftPasskey,
    page: Url,
    held: Vec<Held>,
}

/// A passkey, with whose it is.
struct Held {
    credential_id: Vec<u8>,
    user: Vec<u8>,
}

impl Device {
    pub fn new() -> Self {
        // It says that it has asked for a fingerprint.
        Self { authenticator: SoftPasskey::new(true), page: Url::parse(PAGE).unwrap(), held: Vec::new() }
    }

    /// The same device, on another page.
    pub fn goes_to(&mut self, page: &str) {
        self.page = Url::parse(page).unwrap();
    }

    /// The passkey that was made last.
    pub fn credential_id(&self) -> String {
        BASE64.encode(&self.held.last().unwrap().credential_id)
    }

    /// Makes a passkey by the options of a challenge.
    pub fn make(&mut self, challenge: &Answer) -> Value {
        let mut options: CreationChallengeResponse =
            serde_json::from_value(json!({ "publicKey": challenge.ok()["public_key"] })).unwrap();
        // It finds them all without a name, and does not say so.
        options.public_key.authenticator_selection.as_mut().unwrap().require_resident_key = false;
        let user = options.public_key.user.id.clone();
        let made = self.authenticator.do_registration(self.page.clone(), options).unwrap();
        self.held.push(Held { credential_id: made.raw_id.clone(), user });
        serde_json::to_value(&made).unwrap()
    }

    /// The same, with an id that it chooses. Nobody vouches for that either.
    pub fn make_as(&mut self, challenge: &Answer, credential_id: &str) -> Value {
        let id = BASE64.decode(credential_id).unwrap();
        let length = u16::try_from(id.len()).unwrap().to_be_bytes();
        let mut made = bent(self.make(challenge), |data| {
            // Behind the hash of the domain, the flags, the counter and the model: how long it is, and which.
            data.splice(53..87, length.into_iter().chain(id));
        });
        made["id"] = json!(credential_id);
        made["rawId"] = json!(credential_id);
        made
    }

    /// The same without asking for a fingerprint.
    pub fn make_unasked(&mut self, challenge: &Answer) -> Value {
        bent(self.make(challenge), |data| data[32] &= !VERIFIED)
    }

    /// The same on a page in a frame of another site's, or not.
    pub fn make_framed(&mut self, challenge: &Answer, framed: bool) -> Value {
        let mut made = bent(self.make(challenge), |_| ());
        let said = BASE64.decode(made["response"]["clientDataJSON"].as_str().unwrap()).unwrap();
        let mut said: Value = serde_json::from_slice(&said).unwrap();
        said["crossOrigin"] = json!(framed);
        made["response"]["clientDataJSON"] = json!(BASE64.encode(said.to_string()));
        made
    }

    /// Signs a challenge with a passkey that it allows, or with the last one.
    pub fn sign(&mut self, challenge: &Answer) -> Value {
        self.sign_with(challenge, |_| ())
    }

    /// The same by options that somebody has bent on the way.
    pub fn sign_with(
        &mut self,
        challenge: &Answer,
        bend: impl FnOnce(&mut PublicKeyCredentialRequestOptions),
    ) -> Value {
        let mut options: RequestChallengeResponse =
            serde_json::from_value(json!({ "publicKey": challenge.ok()["public_key"] })).unwrap();
        bend(&mut options.public_key);
        if options.public_key.allow_credentials.is_empty() {
            options.public_key.allow_credentials = self.held.iter().rev().map(allowed).collect();
        }
        let mut signed = self.authenticator.do_authentication(self.page.clone(), options).unwrap();
        let used = self.held.iter().find(|held| held.credential_id == signed.raw_id).unwrap();
        signed.response.user_handle = Some(used.user.clone());
        serde_json::to_value(&signed).unwrap()
    }

    /// Signs with the last passkey on a page in a frame of another site's, or not.
    pub fn sign_framed(&mut self, challenge: &Answer, framed: bool) -> Value {
        let mut options: PublicKeyCredentialRequestOptions =
            serde_json::from_value(challenge.ok()["public_key"].clone()).unwrap();
        let used = self.held.last().unwrap();
        options.allow_credentials = vec![allowed(used)];
        let said = json!({
            "type": "webauthn.get", "challenge": challenge.ok()["public_key"]["challenge"],
            "origin": self.page.origin().ascii_serialization(), "crossOrigin": framed,
        });
        let said = said.to_string();
        let hash = openssl::sha::sha256(said.as_bytes()).to_vec();
        let mut signed = self.authenticator.perform_auth(hash, options, 60_000).unwrap();
        signed.response.client_data_json = said.into_bytes();
        signed.response.user_handle = Some(used.user.clone());
        serde_json::to_value(&signed).unwrap()
    }

    /// Signs without asking for a fingerprint.
    pub fn sign_unasked(&mut self, challenge: &Answer) -> Value {
        self.sign_with(challenge, |options| options.user_verification = UserVerificationPolicy::Discouraged_DO_NOT_USE)
    }
}

/// The bit that says that a fingerprint was asked for (WebAuthn, 6.1).
const VERIFIED: u8 = 1 << 2;

/// What was made, with other data of the authenticator's, for which nobody vouches any more.
fn bent(mut made: Value, bend: impl FnOnce(&mut Vec<u8>)) -> Value {
    let object = BASE64.decode(made["response"]["attestationObject"].as_str().unwrap()).unwrap();
    let Cbor::Map(mut object) = serde_cbor_2::from_slice(&object).unwrap() else { panic!("no attestation") };
    object.insert(Cbor::Text("fmt".to_owned()), Cbor::Text("none".to_owned()));
    object.insert(Cbor::Text("attStmt".to_owned()), Cbor::Map(BTreeMap::new()));
    let Some(Cbor::Bytes(data)) = object.get_mut(&Cbor::Text("authData".to_owned())) else { panic!("no data") };
    bend(data);
    made["response"]["attestationObject"] = json!(BASE64.encode(serde_cbor_2::to_vec(&object).unwrap()));
    made
}

fn allowed(held: &Held) -> AllowCredentials {
    AllowCredentials { type_: "public-key".to_owned(), id: held.credential_id.clone(), transports: None }
}

impl World {
    /// An app whose users sign in with passkeys.
    pub async fn app_with_passkeys(&self, name: &str) -> App {
        let app = self.app(name).await;
        let pages = [PAGE, "https://login.acme.example"];
        self.configure(&app, &json!({ "passkeys": { "enabled": true, "rp_id": "acme.example", "origins": pages } }))
            .await;
        app
    }

    /// A challenge to make a passkey.
    pub async fn begin_passkey(&self, person: &Person) -> Answer {
        self.call("POST", "/v1/me/passkeys/challenge").by(person).send().await
    }

    /// Adds what was made.
    pub async fn add_passkey(&self, person: &Person, challenge: &Answer, made: &Value) -> Answer {
        let body = json!({ "challenge_id": challenge.text("challenge_id"), "credential": made, "name": "Phone" });
        self.post("/v1/me/passkeys", &body).by(person).send().await
    }

    /// A device with a passkey of somebody's on it.
    pub async fn device_of(&self, person: &Person) -> Device {
        let mut device = Device::new();
        let challenge = self.begin_passkey(person).await;
        let made = device.make(&challenge);
        assert_eq!(self.add_passkey(person, &challenge, &made).await.status, 201);
        device
    }

    /// A challenge to sign in.
    pub async fn passkey_challenge(&self, app: Option<&App>, email: Option<&str>) -> Answer {
        let body = email.map_or_else(|| json!({}), |email| json!({ "email": email }));
        self.at_door(app, "/v1/auth/passkey/challenge", &body).send().await
    }

    /// Answers one.
    pub async fn answer_with_passkey(&self, app: Option<&App>, challenge: &Answer, signed: &Value) -> Answer {
        let body = json!({ "challenge_id": challenge.text("challenge_id"), "credential": signed });
        self.at_door(app, "/v1/auth/passkey", &body).send().await
    }

    /// Signs in with a device.
    pub async fn sign_in_with(&self, app: Option<&App>, device: &mut Device, email: Option<&str>) -> Answer {
        let challenge = self.passkey_challenge(app, email).await;
        let signed = device.sign(&challenge);
        self.answer_with_passkey(app, &challenge, &signed).await
    }

    /// The passkeys that somebody has.
    pub async fn passkeys(&self, person: &Person) -> Vec<Value> {
        self.get("/v1/me/passkeys").by(person).send().await.ok().as_array().unwrap().clone()
    }

    pub async fn remove_passkey(&self, person: &Person, id: &Value) -> Answer {
        self.delete(&format!("/v1/me/passkeys/{}", id.as_str().unwrap())).by(person).send().await
    }
}
