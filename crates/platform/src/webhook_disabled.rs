//! Telling the owners of an organization that an endpoint of theirs was switched off.

use kernel::{Result, Timestamp, Unchecked};
use serde_json::json;
use tenancy::Organization;
use webhooks::Endpoint;

use crate::{
    Transaction,
    records::{MailOrder, QueuedMail},
};

/// So many owners are told, those who came first; more are few organizations' problem.
const MOST: i64 = 20;
/// About so many endpoints within an hour.
const MOST_AN_HOUR: i64 = 5;

/// Orders a mail to each owner whose address is proven, in the unit of work that switches the endpoint off: once a day for
/// an endpoint, and about a few of an organization's endpoints within an hour. Whoever resumes an endpoint that answers 410
/// again and again sends no more mail than that. Of its URL it says no more than the origin: path and query may be a
/// secret of whoever gave them.
///
/// # Errors
/// Those of the database.
pub fn order_webhook_disabled_letters(
    tx: &mut dyn Transaction,
    organization: &Organization,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<()> {
    if !tx.note_webhook_letter(organization.id, endpoint.id, MOST_AN_HOUR, now)? {
        return Ok(());
    }
    for principal in tx.owners_in(&Unchecked(organization.id), MOST)? {
        // An owner without an account is a service account, and reads no mail.
        let Some(account) = tx.account_of(organization.app, principal)? else { continue };
        // An address that nobody proved may be a stranger's.
        if account.disabled_at.is_some() || account.proof.is_none() {
            continue;
        }
        let mail = QueuedMail::new(organization.app, account.email, MailOrder::WebhookDisabled, now);
        let payload = json!({ "organization_id": organization.id, "target": endpoint.url.origin() });
        tx.enqueue_mail(&QueuedMail { payload: Some(payload), ..mail })?;
    }
    Ok(())
}
