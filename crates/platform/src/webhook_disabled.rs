//! Telling the owners of an organization that an endpoint of theirs was switched off.

use kernel::{Result, Timestamp, Unchecked};
use serde_json::json;
use tenancy::Organization;
use webhooks::EndpointUrl;

use crate::{
    Transaction,
    records::{MailOrder, QueuedMail},
};

/// So many owners are told, those who came first; more are few organizations' problem.
const MOST: i64 = 20;

/// Orders a mail to each owner, in the unit of work that switches the endpoint off. Of its URL it says no more than the
/// origin: path and query may be a secret of whoever gave them.
///
/// # Errors
/// Those of the database.
pub fn order_webhook_disabled_letters(
    tx: &mut dyn Transaction,
    organization: &Organization,
    url: &EndpointUrl,
    now: Timestamp,
) -> Result<()> {
    for principal in tx.owners_in(&Unchecked(organization.id), MOST)? {
        // An owner without an account is a service account, and reads no mail.
        let Some(account) = tx.account_of(organization.app, principal)? else { continue };
        if account.disabled_at.is_some() {
            continue;
        }
        let mail = QueuedMail::new(organization.app, account.email, MailOrder::WebhookDisabled, now);
        let payload = json!({ "organization_id": organization.id, "target": url.origin() });
        tx.enqueue_mail(&QueuedMail { payload: Some(payload), ..mail })?;
    }
    Ok(())
}
