//! Passkeys: key pairs whose private half never leaves their owner's devices (WebAuthn Level 3). What is kept of them, and
//! of the challenges that they answer. The ceremonies themselves are in `webauthn`.

use std::{fmt, time::Duration};

use kernel::{
    Email, Name, Result, SecretHash, Timestamp,
    id::{AccountId, AppId, PasskeyId},
};
use uuid::Uuid;

/// How many an account may have. So many ids are told of to whoever names an address, too.
pub const MOST: usize = 20;

/// How long a challenge can be answered.
pub const LIFETIME: Duration = Duration::from_mins(5);

/// What is kept of a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its id here.
    pub id: PasskeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The account's app.
    pub app: Option<AppId>,
    /// For which domain it was made (the relying party's id). It signs in nowhere else.
    pub rp_id: String,
    /// Its own name for itself, unique within the app.
    pub credential_id: Vec<u8>,
    /// Its public half, as it was registered.
    pub credential: String,
    /// How often it says that it was used; always 0 for one that does not count.
    pub counter: i64,
    /// Whether it may be on several devices: it is synchronised, or can be.
    pub backup_eligible: bool,
    /// Whether it is, as far as is known.
    pub backed_up: bool,
    /// What model of authenticator says that it made it. Nobody has vouched for that.
    pub aaguid: Option<Uuid>,
    /// How browsers reach it: `internal`, `hybrid`, `usb`, `nfc`, `ble`.
    pub transports: Vec<String>,
    /// What its owner calls it.
    pub name: Name,
    /// Since when.
    pub created_at: Timestamp,
    /// When it signed in last.
    pub last_used_at: Option<Timestamp>,
}

/// What a challenge is for. One for the one is worth nothing for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// To add a passkey to an account.
    Register,
    /// To sign in with one.
    SignIn,
}

impl Ceremony {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Register, Self::SignIn];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SignIn => "sign_in",
        }
    }
}

/// What is kept of a challenge. It is no secret, and nothing in it is: what it takes to answer is a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyChallenge {
    /// The hash of its id.
    pub hash: SecretHash,
    /// What for.
    pub ceremony: Ceremony,
    /// Who alone may answer: always somebody where a passkey is added; where somebody was named to sign in, whoever has that
    /// address.
    pub account: Option<AccountId>,
    /// Whether somebody was named. Then nobody else may answer, and where nobody has the address, nobody.
    pub named: bool,
    /// What the other half of the ceremony needs to know.
    pub state: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl PasskeyChallenge {
    /// Whether a passkey of this account may answer.
    #[must_use]
    pub fn is_for(&self, account: AccountId) -> bool {
        self.account.map_or(!self.named, |only| only == account)
    }
}

/// The key of what has to do with passkeys: of the hashes of challenges, and of the passkeys that there are not.
#[derive(Clone)]
pub struct PasskeyKey([u8; 32]);

/// How long credential ids are: those of password managers and telephones, of computers, and of security keys.
const LENGTHS: [usize; 8] = [16, 16, 20, 32, 32, 32, 48, 64];
/// So many bytes at the end of one that there is not say so, to us alone.
const MARK: usize = 8;

impl PasskeyKey {
    /// From key material that is used for nothing else.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// What is stored of a challenge's id. What it is bound to goes in: shown at the door of another app, or for another
    /// ceremony, it is one that nobody has issued.
    #[must_use]
    pub fn hash(&self, ceremony: Ceremony, app: Option<AppId>, id: &str) -> SecretHash {
        let mut hasher = self.hasher(b"challenge", app);
        hasher.update(ceremony.name().as_bytes()).update(&[0]).update(id.as_bytes());
        SecretHash(*hasher.finalize().as_bytes())
    }

    /// The ids of passkeys that an address does not have: always the same for the address, and as many as an account may
    /// have. They fill up what is told of the account, if there is one, so that nobody learns whether there is, nor how many
    /// passkeys it has (WebAuthn, 14.6.2).
    #[must_use]
    pub fn decoys(&self, app: Option<AppId>, email: &Email) -> Vec<Vec<u8>> {
        let mut seed = self.hasher(b"decoy", app);
        seed.update(email.as_str().as_bytes());
        let mut seed = seed.finalize_xof();
        let decoy = |_| {
            let mut bytes = [0; 65];
            seed.fill(&mut bytes);
            let length = LENGTHS[usize::from(bytes[64]) % LENGTHS.len()];
            let head = &bytes[..length - MARK];
            [head, &self.mark(head)].concat()
        };
        (0..MOST).map(decoy).collect()
    }

    /// Whether it is one of those, of whatever address. Who could register one would learn that it was none before.
    #[must_use]
    pub fn is_decoy(&self, credential_id: &[u8]) -> bool {
        credential_id.split_last_chunk().is_some_and(|(head, mark)| self.mark(head) == *mark)
    }

    fn mark(&self, head: &[u8]) -> [u8; MARK] {
        let mut mark = [0; MARK];
        self.hasher(b"mark", None).update(head).finalize_xof().fill(&mut mark);
        mark
    }

    fn hasher(&self, purpose: &[u8], app: Option<AppId>) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose).update(&[0]);
        hasher.update(app.map_or([0; 16], |app| *app.0.as_bytes()).as_slice());
        hasher
    }
}

impl fmt::Debug for PasskeyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasskeyKey(…)")
    }
}

/// Passkeys and their challenges, of one database transaction.
pub trait PasskeyRepository {
    /// Adds a passkey.
    ///
    /// # Errors
    /// `conflict` where the app has one of that credential id.
    fn insert_passkey(&mut self, passkey: &Passkey) -> Result<()>;

    /// An account's passkeys, oldest first.
    fn passkeys_of(&mut self, account: AccountId) -> Result<Vec<Passkey>>;

    /// The passkey with this credential id in an app, or at the platform.
    fn passkey_by_credential(&mut self, app: Option<AppId>, credential_id: &[u8]) -> Result<Option<Passkey>>;

    /// Notes that a passkey was used: the one way to use it. Tells whether it could be: it is there, and has counted on since
    /// its last use, if it counts at all (WebAuthn, 6.1.1).
    fn use_passkey(&mut self, id: PasskeyId, counter: u32, backed_up: bool, now: Timestamp) -> Result<bool>;

    /// Gives one of the account's passkeys another name; hands it back, if it is one of those.
    fn rename_passkey(&mut self, account: AccountId, id: PasskeyId, name: &Name) -> Result<Option<Passkey>>;

    /// Removes one of the account's passkeys; hands it back, if it was one of those.
    fn remove_passkey(&mut self, account: AccountId, id: PasskeyId) -> Result<Option<Passkey>>;

    /// Removes all of them; hands them back.
    fn remove_passkeys(&mut self, account: AccountId) -> Result<Vec<Passkey>>;

    /// Adds a challenge.
    fn insert_passkey_challenge(&mut self, challenge: &PasskeyChallenge) -> Result<()>;

    /// The challenge, as long as it can be answered. Nothing is used up.
    fn passkey_challenge(
        &mut self,
        ceremony: Ceremony,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<PasskeyChallenge>>;

    /// Uses a challenge for this ceremony and this account, or for nobody in particular, up, if it can be answered: the one
    /// way to answer. Tells whether it was this that did.
    fn consume_passkey_challenge(
        &mut self,
        ceremony: Ceremony,
        hash: SecretHash,
        account: Option<AccountId>,
        now: Timestamp,
    ) -> Result<bool>;

    /// Takes away whatever the account could still answer.
    fn void_passkey_challenges(&mut self, account: AccountId) -> Result<()>;

    /// Forgets challenges that expired before `before`, some at a time. Tells how many.
    fn sweep_passkey_challenges(&mut self, before: Timestamp) -> Result<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_bound_to_its_ceremony_and_its_app() {
        let (key, app) = (PasskeyKey::new([3; 32]), AppId::generate());
        let hash = key.hash(Ceremony::SignIn, Some(app), "id");
        assert_eq!(key.hash(Ceremony::SignIn, Some(app), "id"), hash);
        for other in [
            key.hash(Ceremony::Register, Some(app), "id"),
            key.hash(Ceremony::SignIn, None, "id"),
            key.hash(Ceremony::SignIn, Some(AppId::generate()), "id"),
            key.hash(Ceremony::SignIn, Some(app), "Id"),
            PasskeyKey::new([4; 32]).hash(Ceremony::SignIn, Some(app), "id"),
        ] {
            assert_ne!(other, hash);
        }
    }

    #[test]
    fn who_was_named_alone_answers() {
        let (alice, bob) = (AccountId::generate(), AccountId::generate());
        let challenge = |account, named| PasskeyChallenge {
            hash: SecretHash([1; 32]),
            ceremony: Ceremony::SignIn,
            account,
            named,
            state: String::new(),
            expires_at: Timestamp::from_unix_seconds(0).unwrap(),
        };
        assert!(challenge(None, false).is_for(alice), "whoever comes");
        assert!(challenge(Some(alice), true).is_for(alice) && !challenge(Some(alice), true).is_for(bob));
        assert!(!challenge(None, true).is_for(alice), "nobody has that address");
    }

    #[test]
    fn an_address_has_the_same_decoys_for_ever_and_they_are_known() {
        let (key, app) = (PasskeyKey::new([3; 32]), AppId::generate());
        let [alice, bob] = ["alice@example.com", "bob@example.com"].map(|email| Email::parse(email).unwrap());
        let decoys = key.decoys(Some(app), &alice);
        assert_eq!(key.decoys(Some(app), &alice), decoys);
        assert_ne!(key.decoys(Some(app), &bob), decoys);
        assert_ne!(key.decoys(None, &alice), decoys);
        assert_ne!(PasskeyKey::new([4; 32]).decoys(Some(app), &alice), decoys);
        let distinct: std::collections::BTreeSet<_> = decoys.iter().collect();
        assert_eq!((decoys.len(), distinct.len()), (MOST, MOST));
        for decoy in &decoys {
            assert!(LENGTHS.contains(&decoy.len()) && key.is_decoy(decoy));
            let mut other = decoy.clone();
            other[0] ^= 1;
            assert!(!key.is_decoy(&other));
        }
        assert!(!key.is_decoy(&[]) && !key.is_decoy(&[7; 32]));
    }
}
