//! What somebody who loses an account leaves behind in its organizations, and acts or listens there without signing in.

use std::collections::HashSet;

use identity::{ApiKey, ServiceAccount};
use kernel::{
    EventKind, Listed, Page, Result, Timestamp, Unchecked,
    id::{OrganizationId, PrincipalId},
};
use tenancy::{Invitation, InvitationStatus};
use webhooks::Endpoint;

use crate::{Transaction, invitations, key_making::Author, service_accounts, webhook_making};

/// Somebody whose work is to end, and the service accounts that they made, those that these made, and so on.
struct Makers {
    known: HashSet<PrincipalId>,
    /// What was made before then is the owner's.
    since: Option<Timestamp>,
}

impl Makers {
    fn made(&self, by: Option<PrincipalId>, at: Timestamp) -> bool {
        by.is_some_and(|by| self.known.contains(&by)) && self.since.is_none_or(|since| since <= at)
    }
}

/// Silences in an organization what a principal has made there, since a moment or ever: service accounts are disabled, with
/// their keys and OAuth clients, and keys of other service accounts; endpoints hear nothing more; invitations that wait are
/// taken back. All but these can be switched on again: it may have been the owner who made them, and nobody else can tell.
/// Members stay, whoever invited them: they are on the list that an owner sees.
pub(crate) fn silence(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    author: Author,
    principal: PrincipalId,
    since: Option<Timestamp>,
) -> Result<()> {
    let scope = &Unchecked(organization);
    let mut makers = Makers { known: HashSet::from([principal]), since };
    for account in silence_service_accounts(tx, scope, author, &mut makers)? {
        silence_keys(tx, scope, author, &makers, account)?;
    }
    for endpoint in every(|page| tx.endpoints_in(scope, page))? {
        if endpoint.active && makers.made(endpoint.created_by, endpoint.created_at) {
            let endpoint = Endpoint { active: false, updated_at: author.now, ..endpoint };
            tx.update_endpoint(scope, &endpoint)?;
            webhook_making::told(tx, author, EventKind::WebhookUpdated, &endpoint, &["active"])?;
        }
    }
    let waiting = Some(InvitationStatus::Pending);
    let waiting: Vec<Invitation> = every(|page| tx.invitations_in(scope, waiting, author.now, page))?;
    for invitation in waiting.iter().filter(|invitation| makers.made(Some(invitation.inviter), invitation.updated_at)) {
        if let Some(closed) = tx.close_invitation(invitation.id, InvitationStatus::Revoked, author.now)? {
            invitations::told(tx, author.app, &closed, author.actor, EventKind::InvitationRevoked, author.now)?;
        }
    }
    Ok(())
}

/// Hands back those that are not silenced.
fn silence_service_accounts(
    tx: &mut dyn Transaction,
    scope: &Unchecked<OrganizationId>,
    author: Author,
    makers: &mut Makers,
) -> Result<Vec<PrincipalId>> {
    let mut others: Vec<ServiceAccount> = every(|page| tx.service_accounts_in(scope, page))?;
    loop {
        let (made, left): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|account| makers.made(account.created_by, account.created_at));
        others = left;
        if made.is_empty() {
            return Ok(others.iter().map(ServiceAccount::principal).collect());
        }
        for account in made {
            makers.known.insert(account.principal());
            if account.disabled_at.is_none() {
                service_accounts::disable(tx, scope, author, account)?;
            }
        }
    }
}

fn silence_keys(
    tx: &mut dyn Transaction,
    scope: &Unchecked<OrganizationId>,
    author: Author,
    makers: &Makers,
    holder: PrincipalId,
) -> Result<()> {
    let keys: Vec<ApiKey> = every(|page| tx.api_keys_in(scope, Some(holder), page))?;
    for key in keys.into_iter().filter(|key| makers.made(key.created_by, key.created_at)) {
        if key.disabled_at.is_none() {
            let key = ApiKey { disabled_at: Some(author.now), disabled_by: None, updated_at: author.now, ..key };
            tx.update_api_key(scope, &key)?;
            author.told(tx, EventKind::ApiKeyDisabled, &key)?;
        }
    }
    Ok(())
}

/// All pages of a list.
fn every<T, I>(mut page_of: impl FnMut(&Page<I>) -> Result<Listed<T, I>>) -> Result<Vec<T>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = page_of(&Page::new(after, 0, Page::<I>::LARGEST)?)?;
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}
