//! What one attempt sends: the body, made anew from the ledger each time, and the signatures of it.

use std::sync::Arc;

use kernel::{Error, Result, Secret, Timestamp, Unchecked, secret::ExposeSecret};
use webhooks::{CustomHeaders, Delivery, Endpoint, PreviousSecret, Signing, signature};

use crate::{
    DomainEvent, Platform, Transaction,
    courier::Parcel,
    webhook_making::{headers_of, secret_place},
    webhook_secrets,
};

/// An endpoint with all that it takes to write to it.
pub(crate) struct Addressee {
    pub endpoint: Endpoint,
    /// What to sign with: the secret, and the one before while that counts.
    secrets: Vec<Secret>,
    headers: CustomHeaders,
}

impl Platform {
    /// Opens what is sealed of an endpoint.
    ///
    /// # Errors
    /// `internal_error` when a secret can't be opened, or there is none.
    pub(crate) fn addressee(&self, endpoint: Endpoint, signing: Option<Signing>) -> Result<Addressee> {
        let (sealing, now) = (&self.keys().sealing, self.now());
        let (secret, previous, place) = match (&endpoint.secret, signing) {
            (Some(secret), _) => (secret.clone(), endpoint.previous.clone(), secret_place(endpoint.id)),
            (None, Some(signing)) => (signing.secret, signing.previous, webhook_secrets::place(endpoint.organization)),
            (None, None) => return Err(Error::internal("an endpoint without a signing secret")),
        };
        let mut secrets = vec![sealing.open(&secret, &place)?];
        if let Some(PreviousSecret { secret, .. }) = previous.filter(|previous| now < previous.until) {
            secrets.push(sealing.open(&secret, &place)?);
        }
        let headers = headers_of(sealing, &endpoint)?;
        Ok(Addressee { endpoint, secrets, headers })
    }
}

/// What an endpoint's organization signs with, where the endpoint has no secret of its own.
pub(crate) fn signing_of(tx: &mut dyn Transaction, endpoint: &Endpoint) -> Result<Option<Signing>> {
    if endpoint.secret.is_some() { Ok(None) } else { tx.signing(&Unchecked(endpoint.organization)) }
}

impl Addressee {
    /// What one attempt at a delivery sends.
    pub fn parcel(&self, delivery: &Delivery, event: &DomainEvent, at: Timestamp) -> Result<Parcel> {
        let (body, id) = (serde_json::to_vec(event).map_err(Error::internal)?, delivery.id.to_string());
        let standard: Vec<_> = self.secrets.iter().map(|secret| signature::standard(secret, &id, at, &body)).collect();
        let ours = ["x-fabric-signature", "x-fabric-signature-previous"];
        let signatures = ours.into_iter().zip(&self.secrets);
        let signatures = signatures.map(|(name, secret)| (name, signature::of_body(secret, &body)));
        let fixed = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", concat!("Fabric/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("x-fabric-event", event.kind.clone()),
            ("x-fabric-delivery", id.clone()),
            ("webhook-id", id.clone()),
            ("webhook-timestamp", at.unix_seconds().to_string()),
            ("webhook-signature", standard.join(" ")),
        ];
        // Ours last: of two with the same name the later one counts.
        let given = fixed.into_iter().chain(signatures).map(|(name, value)| (name.to_owned(), value));
        let own = self.headers.iter().map(|(name, value)| (name.to_owned(), value.expose_secret().to_owned()));
        let headers = own.chain(given).collect();
        Ok(Parcel { url: self.endpoint.url.as_str().to_owned(), headers, body: Arc::from(body) })
    }
}
