//! The secret that an organization's webhooks are signed with.

use authz::{Acting, action::WebhookSecretRotate};
use kernel::{Result, Timestamp, id::OrganizationId, secret::ExposeSecret};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    request::{ForRequest, PathId},
};

/// The new secret.
#[derive(Serialize, ToSchema)]
pub struct WebhookSecret {
    organization_id: Uuid,
    /// All of it, this once: `whsec_` and 32 bytes in base64.
    secret: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Replaces the secret.
pub async fn rotate(
    caller: Acting<WebhookSecretRotate>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<WebhookSecret>> {
    let issued = platform.rotate_webhook_secret(caller, id).await?;
    Ok(Answer::ok(WebhookSecret {
        organization_id: issued.organization.0,
        secret: issued.secret.expose_secret().to_owned(),
        created_at: issued.created_at,
    }))
}
