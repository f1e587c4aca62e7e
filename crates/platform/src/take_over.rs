//! What becomes of an account when the owner of its address comes for the first time.

use identity::{Account, EmailProof, Purpose};
use kernel::{Event, EventKind, Result, Timestamp, Unchecked};
use serde_json::json;

use crate::{
    Transaction,
    accounts::account_event,
    key_making::{Author, end_all},
    left_behind::silence,
    passkeys::passkey_event,
    sessions::end_everything,
};

/// Hands an account to whoever has just proven that its address is theirs. Unless the owner of the mailbox made it, whoever
/// did loses every way in: nobody who signed up with a stranger's address keeps a key to their account. That an address
/// was proven by a link which somebody merely fetched says nothing: scanners do that (contract, 1.5).
///
/// What is taken away is the password, the passkeys, the second factor, every session and token, links that are out,
/// connections to other providers, and the account's API keys. What belongs to the account stays, but what whoever had it
/// made there acts no more and hears nothing until it is switched on again. Tokens of other issuers count from `from` on.
///
/// Where somebody has followed the link in the first letter, a second factor stays: it lets nobody in by itself, and most
/// often it was the owner who did both. Else whoever reads the mail of somebody would come in without it.
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
    let second_factor = account.proof.is_some();
    let kept = Kept { second_factor, made_before: None };
    hand_over(tx, account, proof, from, kept, now)
}

/// What whoever an account is handed over to keeps of what was there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    /// The second factor, if one counts.
    pub second_factor: bool,
    /// What the account made before then goes on acting; without, nothing does.
    pub made_before: Option<Timestamp>,
}

/// The same for an account that its owner had made, and somebody else got hold of.
pub(crate) fn hand_over(
    tx: &mut dyn Transaction,
    account: Account,
    proof: EmailProof,
    from: Timestamp,
    kept: Kept,
    now: Timestamp,
) -> Result<Account> {
    // The operator acts for the owner; in every other way the owner came in person.
    let actor = (proof != EmailProof::Operator).then_some(account.principal);
    // First, because it writes the whole account, the password of before with it.
    let account = Account { proof: Some(proof), updated_at: now, ..account };
    tx.update_account(&account)?;
    tx.remove_password(account.id)?;
    // Theirs too, or the owner would be asked for it.
    if !kept.second_factor && tx.remove_totp(account.id)?.is_some_and(|totp| totp.verified_at.is_some()) {
        tx.append(&Event { actor, ..account_event(EventKind::AuthTotpDisabled, &account, now) })?;
    }
    let epoch = end_everything(tx, account.id, from, now)?;
    // Behind the challenges, which that voids: whoever answers one at the same moment is waited for, or finds none.
    for passkey in tx.remove_passkeys(account.id)? {
        tx.append(&Event { actor, ..passkey_event(EventKind::AuthPasskeyRemoved, &account, &passkey, now) })?;
    }
    for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword] {
        tx.void_one_time_tokens(account.id, purpose, now)?;
    }
    for link in tx.links_of(account.id)? {
        tx.sever(account.id, &link.provider, now)?;
    }
    for place in tx.places(account.app, account.principal)? {
        let author = Author { app: account.app, actor, now };
        end_all(tx, &Unchecked(place.organization), author, account.principal)?;
        silence(tx, place.organization, author, account.principal, kept.made_before)?;
    }
    tx.append(&Event {
        actor,
        payload: json!({ "principal_id": account.principal, "email": account.email.as_str() }),
        ..account_event(EventKind::AuthEmailVerified, &account, now)
    })?;
    Ok(Account { password: None, epoch, valid_from: from, ..account })
}
