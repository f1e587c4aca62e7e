//! How entries are chained.

use kernel::id::OrganizationId;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::Entry;

/// A key of the chain, with the id that its links carry.
#[derive(Clone)]
pub struct ChainKey {
    id: [u8; KEY_ID],
    key: [u8; 32],
}

const KEY_ID: usize = 8;

/// A link: the id of the key it was made with, and the keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link(pub [u8; Link::LENGTH]);

impl Link {
    /// How many bytes it has.
    pub const LENGTH: usize = KEY_ID + 32;

    /// Before the first one.
    pub const NONE: Self = Self([0; Self::LENGTH]);

    /// As it is written down outside the database: hexadecimal.
    #[must_use]
    pub fn to_hex(self) -> String {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// As it was written down.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut link = Self::NONE;
        if text.len() != 2 * Self::LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, pair) in link.0.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(link)
    }

    fn key_id(&self) -> &[u8] {
        &self.0[..KEY_ID]
    }
}

/// Where a chain ends by now. Sealed: nobody without the key makes one that fits another end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last entry's position.
    pub position: i64,
    /// How many entries the chain has had, pruned ones included.
    pub count: i64,
    /// The last entry's link.
    pub link: Link,
    /// What proves that it was put here.
    pub seal: Link,
}

/// Where a chain begins after its beginning was pruned: the last entry that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its position; 0 where nothing is gone.
    pub position: i64,
    /// How many are gone.
    pub count: i64,
    /// Its link.
    pub link: Link,
    /// What proves that it was pruned, and not removed by somebody.
    pub seal: Link,
}

/// Which chain: an organization's, or that of all that concerns none.
#[must_use]
pub fn chain_of(organization: Option<OrganizationId>) -> Uuid {
    organization.map_or(Uuid::nil(), |id| id.0)
}

impl ChainKey {
    /// From a key that is for nothing else.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&blake3::derive_key("fabric 2026 audit key id", &key)[..KEY_ID]);
        Self { id, key }
    }

    /// Whether a link was made with this key.
    #[must_use]
    pub fn made(&self, link: &Link) -> bool {
        link.key_id() == self.id
    }

    /// The link of an entry that follows on `before`. Everything that is told by the entry is in it; of what tells who
    /// somebody is, the digest.
    #[must_use]
    pub fn link(&self, before: &Link, entry: &Entry, position: i64) -> Link {
        let mut hasher = self.hasher("entry");
        field(&mut hasher, &before.0);
        field(&mut hasher, &position.to_be_bytes());
        field(&mut hasher, entry.id.0.as_bytes());
        field(&mut hasher, entry.kind.as_bytes());
        for id in
            [entry.app.map(|id| id.0), entry.organization.map(|id| id.0), entry.actor.map(|id| id.0), entry.via_id]
        {
            optional(&mut hasher, id.as_ref().map(|id| &id.as_bytes()[..]));
        }
        let (kind, id) = entry.resource.as_ref().map(|(kind, id)| (kind.as_str(), id.as_str())).unzip();
        for text in [entry.via.as_deref(), kind, id, entry.request_id.as_deref()] {
            optional(&mut hasher, text.map(str::as_bytes));
        }
        field(&mut hasher, entry.payload.as_bytes());
        optional(&mut hasher, entry.digest.as_ref().map(|digest| &digest[..]));
        field(&mut hasher, &entry.at.date_time().timestamp_micros().to_be_bytes());
        self.finish(&hasher)
    }

    /// The head of a chain.
    #[must_use]
    pub fn head(&self, chain: Uuid, position: i64, count: i64, link: Link) -> Head {
        Head { position, count, link, seal: self.seal("head", chain, position, count, &link) }
    }

    /// The checkpoint of a chain whose beginning is pruned.
    #[must_use]
    pub fn checkpoint(&self, chain: Uuid, position: i64, count: i64, link: Link) -> Checkpoint {
        Checkpoint { position, count, link, seal: self.seal("checkpoint", chain, position, count, &link) }
    }

    /// Whether it is the head that was put there.
    #[must_use]
    pub fn is_head(&self, chain: Uuid, head: &Head) -> bool {
        same(&self.seal("head", chain, head.position, head.count, &head.link), &head.seal)
    }

    /// Whether it is the checkpoint that was put there.
    #[must_use]
    pub fn is_checkpoint(&self, chain: Uuid, point: &Checkpoint) -> bool {
        same(&self.seal("checkpoint", chain, point.position, point.count, &point.link), &point.seal)
    }

    fn seal(&self, what: &str, chain: Uuid, position: i64, count: i64, link: &Link) -> Link {
        let mut hasher = self.hasher(what);
        field(&mut hasher, chain.as_bytes());
        field(&mut hasher, &position.to_be_bytes());
        field(&mut hasher, &count.to_be_bytes());
        field(&mut hasher, &link.0);
        self.finish(&hasher)
    }

    fn hasher(&self, what: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        field(&mut hasher, what.as_bytes());
        hasher
    }

    fn finish(&self, hasher: &blake3::Hasher) -> Link {
        let mut link = Link::NONE;
        link.0[..KEY_ID].copy_from_slice(&self.id);
        link.0[KEY_ID..].copy_from_slice(hasher.finalize().as_bytes());
        link
    }
}

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainKey(…)")
    }
}

/// Whether two links are the same, in constant time.
#[must_use]
pub fn same(one: &Link, other: &Link) -> bool {
    one.0.ct_eq(&other.0).into()
}

/// With its length before it, so that no two rows make the same input.
fn field(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
}

fn optional(hasher: &mut blake3::Hasher, bytes: Option<&[u8]>) {
    match bytes {
        None => drop(hasher.update(&[0])),
        Some(bytes) => {
            hasher.update(&[1]);
            field(hasher, bytes);
        }
    }
}

/// Follows one chain, entry by entry, and tells where it breaks.
#[derive(Debug)]
pub struct Walk {
    chain: Uuid,
    checkpoint: Checkpoint,
    before: Link,
    position: i64,
    count: i64,
}

/// Why a chain does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// This entry is not what it was, or something before it is gone or was put in.
    Changed,
    /// What tells who somebody is was changed there.
    PersonalChanged,
    /// It was linked with a key that is not configured.
    UnknownKey,
    /// Where the chain begins after pruning was changed.
    Checkpoint,
    /// Entries are missing at the end.
    EndMissing,
    /// Where the chain ends was changed.
    Head,
}

impl Break {
    /// A sentence about it, for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Changed => "this entry was changed, or one before it was removed or put in",
            Self::PersonalChanged => "what tells who somebody is was changed in this entry",
            Self::UnknownKey => "this entry was linked with a key that is not configured",
            Self::Checkpoint => "where the chain begins after pruning was changed",
            Self::EndMissing => "entries are missing at the end of the chain",
            Self::Head => "where the chain ends was changed",
        }
    }
}

impl Walk {
    /// From the beginning of a chain, or from where it was pruned.
    ///
    /// # Errors
    /// `Checkpoint`; `UnknownKey`.
    pub fn begin(keys: &[ChainKey], chain: Uuid, checkpoint: Option<Checkpoint>) -> Result<Self, Break> {
        let none = Checkpoint { position: 0, count: 0, link: Link::NONE, seal: Link::NONE };
        if let Some(point) = &checkpoint {
            let key = keys.iter().find(|key| key.made(&point.seal)).ok_or(Break::UnknownKey)?;
            if !key.is_checkpoint(chain, point) {
                return Err(Break::Checkpoint);
            }
        }
        let point = checkpoint.unwrap_or(none);
        Ok(Self { chain, checkpoint: point, before: point.link, position: point.position, count: point.count })
    }

    /// One entry further.
    ///
    /// # Errors
    /// `Changed`; `PersonalChanged`; `UnknownKey`.
    pub fn step(&mut self, keys: &[ChainKey], entry: &Entry) -> Result<(), Break> {
        let (position, link) = entry.position.zip(entry.link.as_ref()).ok_or(Break::Changed)?;
        let key = keys.iter().find(|key| key.made(link)).ok_or(Break::UnknownKey)?;
        if position <= self.position || !same(&key.link(&self.before, entry, position), link) {
            return Err(Break::Changed);
        }
        if let Some(personal) = &entry.personal
            && Some(personal.digest()) != entry.digest
        {
            return Err(Break::PersonalChanged);
        }
        (self.before, self.position, self.count) = (*link, position, self.count + 1);
        Ok(())
    }

    /// Whether that was all.
    ///
    /// # Errors
    /// `EndMissing`; `Head`; `UnknownKey`.
    pub fn end(&self, keys: &[ChainKey], head: Option<&Head>) -> Result<(), Break> {
        let Some(head) = head else {
            // A chain that has entries has a head, and so has one that was pruned.
            return if self.count == 0 { Ok(()) } else { Err(Break::Head) };
        };
        let key = keys.iter().find(|key| key.made(&head.seal)).ok_or(Break::UnknownKey)?;
        if !key.is_head(self.chain, head) {
            return Err(Break::Head);
        }
        let all = self.count == head.count && self.position == head.position && same(&self.before, &head.link);
        if all { Ok(()) } else { Err(Break::EndMissing) }
    }

    /// How many entries there are, those that were pruned not counted.
    #[must_use]
    pub fn present(&self) -> i64 {
        self.count - self.checkpoint.count
    }
}

#[cfg(test)]
mod tests;
