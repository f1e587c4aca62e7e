//! The secret that an organization's webhooks are signed with.

use authz::{Acting, action::WebhookSecretRotate};
use kernel::{Result, Timestamp, id::OrganizationId, secret::ExposeSecret};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api_keys::RotateKeyRequest;
use crate::{
    answer::Answer,
    request::{ForRequest, OptionalBody, PathId},
};

/// The new secret.
#[derive(Serialize, ToSchema)]
pub struct WebhookSecret {
    organization_id: Uuid,
    /// All of it, this once: `whsec_` and 32 bytes in base64.
    secret: String,
    /// Until when deliveries are signed with the one before as well.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Replaces the secret.
pub async fn rotate(
    caller: Acting<WebhookSecretRotate>,
    (platform, PathId(id), OptionalBody(how)): (ForRequest, PathId<OrganizationId>, OptionalBody<RotateKeyRequest>),
) -> Result<Answer<WebhookSecret>> {
    let issued = platform.rotate_webhook_secret(caller, id, how.overlap()).await?;
    Ok(Answer::ok(WebhookSecret {
        organization_id: issued.organization.0,
        secret: issued.secret.expose_secret().to_owned(),
        previous_secret_until: issued.previous_until,
        created_at: issued.created_at,
    }))
}
