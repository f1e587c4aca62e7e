//! How somebody comes to an account whose address they prove: nobody who signed up with a stranger's address keeps a way
//! in.

use identity::{Account, EmailProof, Purpose};
use kernel::{Error, Event, EventKind, Result, Timestamp, Unchecked, id::PrincipalId};
use serde_json::json;

use crate::{
    Transaction,
    accounts::account_event,
    key_making::{Author, end_all},
};

/// The account, for somebody who has just shown that its address is theirs. Unless the owner of the mailbox made it,
/// whoever did loses every way in: password, sessions, links, API keys and what was mailed. What belongs to the account
/// stays.
///
/// Tokens that were issued from `from` on are good.
pub(crate) fn take_over(
    tx: &mut dyn Transaction,
    account: Account,
    proof: EmailProof,
    from: Timestamp,
    now: Timestamp,
) -> Result<Account> {
    if account.proof.is_some_and(EmailProof::by_the_owner) {
        return Ok(account);
    }
    // The operator acts for the owner; in every other way the owner came in person.
    let actor = (proof != EmailProof::Operator).then_some(account.principal);
    end_ways_in(tx, &account, actor, now)?;
    let account = Account { proof: Some(proof), updated_at: now, ..account };
    tx.update_account(&account)?;
    tx.raise_epoch(account.id, from)?;
    tx.append(&Event {
        actor,
        payload: json!({ "principal_id": account.principal, "email": account.email.as_str() }),
        ..account_event(EventKind::AuthEmailVerified, &account, now)
    })?;
    tx.account(account.id)?.ok_or_else(Error::not_found)
}

/// Takes away what somebody gets in with, sessions aside: those end with the epoch.
fn end_ways_in(tx: &mut dyn Transaction, account: &Account, actor: Option<PrincipalId>, now: Timestamp) -> Result<()> {
    tx.remove_password(account.id)?;
    for link in tx.links_of(account.id)? {
        tx.sever(account.id, &link.provider, now)?;
    }
    for place in tx.places(account.app, account.principal)? {
        let author = Author { app: account.app, actor, now };
        end_all(tx, &Unchecked(place.organization), author, account.principal)?;
    }
    for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword] {
        tx.void_one_time_tokens(account.id, purpose, now)?;
    }
    Ok(())
}
