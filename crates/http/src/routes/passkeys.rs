//! The caller's passkeys.

use authz::SignedIn;
use identity::Passkey;
use kernel::{Name, Result, Secret, Timestamp, id::PasskeyId, secret::ExposeSecret};
use platform::{AnsweredChallenge, IssuedChallenge};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Done, reauthentication::ReauthenticationRequest};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, OptionalBody, PathId},
};

/// What a browser makes or uses a passkey by.
#[derive(Serialize, ToSchema)]
pub struct PasskeyChallenge {
    /// To be sent back beside what the browser answers.
    challenge_id: String,
    /// For how many seconds it can be.
    expires_in: u64,
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()`.
    #[schema(value_type = Object)]
    public_key: Value,
}

impl From<IssuedChallenge> for PasskeyChallenge {
    fn from(issued: IssuedChallenge) -> Self {
        Self {
            challenge_id: issued.id.expose_secret().to_owned(),
            expires_in: issued.expires_in.as_secs(),
            public_key: issued.public_key,
        }
    }
}

/// A passkey that somebody has.
#[derive(Serialize, ToSchema)]
pub struct RegisteredPasskey {
    id: Uuid,
    /// What its owner calls it.
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// Whether it is kept beyond the one device: synchronised by a password manager, for one.
    synced: bool,
    /// What model of authenticator says that it made it.
    aaguid: Option<Uuid>,
    /// How browsers reach it: `internal`, `hybrid`, `usb`, `nfc`, `ble`.
    transports: Vec<String>,
    /// The domain that it was made for: it signs in nowhere else.
    rp_id: String,
}

impl From<Passkey> for RegisteredPasskey {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.0,
            name: passkey.name.as_str().to_owned(),
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
            synced: passkey.backed_up,
            aaguid: passkey.aaguid,
            transports: passkey.transports,
            rp_id: passkey.rp_id,
        }
    }
}

/// Begins to add a passkey.
pub async fn challenge(
    caller: SignedIn,
    (platform, OptionalBody(shown)): (ForRequest, OptionalBody<ReauthenticationRequest>),
) -> Result<Answer<PasskeyChallenge>> {
    Ok(Answer::ok(platform.begin_passkey(caller, shown.parse()?).await?.into()))
}

/// A passkey that a browser has made.
#[derive(Deserialize, ToSchema)]
pub struct AddPasskeyRequest {
    #[schema(value_type = String)]
    challenge_id: Secret,
    /// What `toJSON()` of the browser's credential says.
    #[schema(value_type = Object)]
    credential: Map<String, Value>,
    /// What its owner calls it: `Passkey` without.
    name: Option<String>,
}

/// Adds a passkey.
pub async fn create(
    caller: SignedIn,
    (platform, Body(made)): (ForRequest, Body<AddPasskeyRequest>),
) -> Result<Created<RegisteredPasskey>> {
    let name = made.name.as_deref().map(Name::parse).transpose()?;
    let answered = AnsweredChallenge { id: made.challenge_id, credential: made.credential.into() };
    Ok(Created(platform.add_passkey(caller, answered, name).await?.into()))
}

/// Lists the caller's passkeys, oldest first: there are 20 at the most.
pub async fn list(caller: SignedIn, platform: ForRequest) -> Result<Answer<Vec<RegisteredPasskey>>> {
    let passkeys = platform.passkeys(caller).await?;
    Ok(Answer::ok(passkeys.into_iter().map(RegisteredPasskey::from).collect()))
}

/// Another name.
#[derive(Deserialize, ToSchema)]
pub struct RenamePasskeyRequest {
    name: String,
}

/// Renames a passkey.
pub async fn update(
    caller: SignedIn,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<PasskeyId>, Body<RenamePasskeyRequest>),
) -> Result<Answer<RegisteredPasskey>> {
    Ok(Answer::ok(platform.rename_passkey(caller, id, Name::parse(&change.name)?).await?.into()))
}

/// Removes a passkey.
pub async fn remove(
    caller: SignedIn,
    (platform, PathId(id), OptionalBody(shown)): (ForRequest, PathId<PasskeyId>, OptionalBody<ReauthenticationRequest>),
) -> Result<Answer<Done>> {
    platform.remove_passkey(caller, id, shown.parse()?).await?;
    Ok(Answer::ok(Done { message: "The passkey is removed." }))
}
