//! Sign-in with a passkey (WebAuthn, 7.2): with an address, or by whichever passkey the device knows. A passkey is two
//! factors in one, what somebody has and what lets them use it, so that no second step follows.

use identity::{
    Account, Ceremony, Passkey, PasskeyChallenge, SignInMethod,
    passkey::{LIFETIME, MOST},
    webauthn::{Assertion, Begun, Verdict},
};
use kernel::{
    Client, Code, Email, Error, Event, EventKind, Result, Timestamp,
    id::AccountId,
    secret::{ExposeSecret, letters},
};
use uuid::Uuid;

use crate::{
    Door, Platform, Transaction,
    passkey_registration::{AnsweredChallenge, IssuedChallenge, relying_party},
    passkeys::passkey_event,
    sessions::SignedInUser,
};

impl Platform {
    /// Begins a sign-in: of whoever has this address, or of whoever comes. For every address the same work is done, and as
    /// many passkeys are told of.
    ///
    /// # Errors
    /// `sign_in_method_disabled` where the app has no passkeys.
    pub async fn begin_passkey_sign_in(&self, door: Door, email: Option<Email>) -> Result<IssuedChallenge> {
        let (party, rp_id) = relying_party(&door)?;
        let (key, now, app) = (self.keys().passkeys.clone(), self.now(), door.app());
        let begun = self.store().write(move |tx| {
            let (mut account, mut allowed) = (None, Vec::new());
            if let Some(email) = &email {
                account = tx.account_by_email(app, email)?.map(|account| account.id);
                // Asked of nobody, too.
                let held = tx.passkeys_of(account.unwrap_or(AccountId(Uuid::nil())))?;
                allowed = told_of(held, &rp_id, key.decoys(app, email));
            }
            let Begun { options, state } = party.begin_sign_in(allowed)?;
            let id = letters(&rand::random::<[u8; 32]>());
            tx.insert_passkey_challenge(&PasskeyChallenge {
                hash: key.hash(Ceremony::SignIn, app, &id),
                ceremony: Ceremony::SignIn,
                account,
                named: email.is_some(),
                state,
                expires_at: now.after(LIFETIME),
            })?;
            Ok(IssuedChallenge { id: id.into(), expires_in: LIFETIME, public_key: options })
        });
        begun.await
    }

    /// Signs in with the passkey that answers a challenge, which is used up, whatever comes of it.
    ///
    /// # Errors
    /// `passkey_authentication_failed`, the same whatever is wrong; with a right answer `account_disabled` and
    /// `email_not_verified`; `sign_in_method_disabled` where the app has no passkeys.
    pub async fn sign_in_by_passkey(
        &self,
        door: &Door,
        answered: AnsweredChallenge,
        client: Client,
    ) -> Result<SignedInUser> {
        let (party, rp_id) = relying_party(door)?;
        let (app, now, settings) = (door.app(), self.now(), door.settings().clone());
        let hash = self.keys().passkeys.hash(Ceremony::SignIn, app, answered.id.expose_secret());
        let assertion = Assertion::parse(answered.credential);
        let named = assertion.as_ref().map(|assertion| assertion.credential_id().to_vec());
        let found = self.store().read(move |tx| {
            let challenge = tx.passkey_challenge(Ceremony::SignIn, hash, now)?;
            let passkey = named.as_ref().map(|id| tx.passkey_by_credential(app, id)).transpose()?.flatten();
            Ok((challenge, passkey))
        });
        let (challenge, passkey) = found.await?;
        let challenge = challenge.ok_or_else(|| refused(Code::PasskeyAuthenticationFailed))?;
        let judged = match assertion {
            Some(assertion) => {
                let passkey = passkey.filter(|passkey| passkey.rp_id == rp_id);
                let passkey = passkey.filter(|passkey| is_theirs(&challenge, &assertion, passkey));
                metrics::counter!("fabric_passkey_verifications_total").increment(1);
                // Where none may answer, too.
                let verdict = party.finish_sign_in(&challenge.state, &assertion, passkey.as_ref())?;
                passkey.map(|passkey| (verdict, passkey))
            }
            None => None,
        };
        let (way_in, signer) = (self.way_in(client, SignInMethod::Passkey), self.signer().await?);
        let admission = self.store().write(move |tx| {
            // First of all, and whatever comes of it: it is good for one answer, right or wrong.
            if !tx.consume_passkey_challenge(Ceremony::SignIn, hash, challenge.account, now)? {
                return Ok(Err(Code::PasskeyAuthenticationFailed));
            }
            match settle(tx, judged.as_ref(), now)? {
                Some(account) => way_in.admit(tx, &settings, account, now),
                None => Ok(Err(Code::PasskeyAuthenticationFailed)),
            }
        });
        let admitted = admission.await?.map_err(refused)?;
        self.let_in(signer, door, admitted).await
    }
}

/// The credential ids that whoever names an address is told of: those of the passkeys that are used here, and so many that
/// there are not that it is always the same number, in an order that tells them apart from nothing.
fn told_of(held: Vec<Passkey>, rp_id: &str, decoys: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let held = held.into_iter().filter(|passkey| passkey.rp_id == rp_id).map(|passkey| passkey.credential_id);
    let mut ids: Vec<_> = held.chain(decoys).take(MOST).collect();
    ids.sort_unstable();
    ids
}

/// Whether the challenge was for whoever has the passkey, and the authenticator says the same. Where nobody was named, it
/// has to say whose it is.
fn is_theirs(challenge: &PasskeyChallenge, assertion: &Assertion, passkey: &Passkey) -> bool {
    let said = match assertion.account() {
        Ok(Some(account)) => account == passkey.account,
        Ok(None) => challenge.named,
        Err(_) => false,
    };
    said && challenge.is_for(passkey.account)
}

/// Notes the use of a passkey that has signed; hands back whose it is. To be committed either way.
fn settle(tx: &mut dyn Transaction, judged: Option<&(Verdict, Passkey)>, now: Timestamp) -> Result<Option<Account>> {
    let Some((verdict, passkey)) = judged else { return Ok(None) };
    let used = match *verdict {
        Verdict::Right { counter, backed_up } => tx.use_passkey(passkey.id, counter, backed_up, now)?,
        Verdict::Suspect => false,
        Verdict::Wrong => return Ok(None),
    };
    let Some(account) = tx.account(passkey.account)? else { return Ok(None) };
    if used {
        return Ok(Some(account));
    }
    // It has signed, and is refused: it was removed a moment ago, or somebody else signs with a copy.
    if tx.passkey_by_credential(passkey.app, &passkey.credential_id)?.is_some() {
        metrics::counter!("fabric_passkey_suspects_total").increment(1);
        let event = passkey_event(EventKind::AuthPasskeySuspect, &account, passkey, now);
        tx.append(&Event { actor: None, ..event })?;
    }
    Ok(None)
}

fn refused(code: Code) -> Error {
    metrics::counter!("fabric_passkey_failures_total").increment(1);
    Error::new(code)
}
