//! Refresh tokens: single use, rotated in their session's family.
//!
//! A token is `<id>.<MAC(id)>`: nothing of it but the id is stored, and the server can say the same successor again to
//! a client that lost the answer (RFC 9700, 4.14.2, asks for rotation with reuse detection).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use kernel::{
    Result, Secret, Timestamp,
    id::{RefreshTokenId, SessionId},
};
use subtle::ConstantTimeEq;

/// The key of the tokens' MAC.
#[derive(Clone)]
pub struct RefreshKey([u8; 32]);

impl RefreshKey {
    /// From key material that is used for nothing else.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The token as its holder sees it.
    #[must_use]
    pub fn write(&self, id: RefreshTokenId) -> Secret {
        format!("{}.{}", BASE64.encode(id.0), BASE64.encode(self.mac(id))).into()
    }

    /// The id of a token that this key made; `None` for everything else.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<RefreshTokenId> {
        let (id, mac) = token.split_once('.')?;
        let id = RefreshTokenId(uuid::Uuid::from_slice(&BASE64.decode(id).ok()?).ok()?);
        let genuine = BASE64.decode(mac).ok()?.ct_eq(&self.mac(id)[..]);
        bool::from(genuine).then_some(id)
    }

    fn mac(&self, id: RefreshTokenId) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, id.0.as_bytes()).as_bytes()
    }
}

/// One refresh token of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its id, random.
    pub id: RefreshTokenId,
    /// Whose family it is of.
    pub session: SessionId,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// When it was used, and what came of it.
    pub spent: Option<Spent>,
}

/// The use of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When.
    pub at: Timestamp,
    /// The token that took its place.
    pub successor: RefreshTokenId,
}

/// Refresh tokens of one database transaction.
pub trait RefreshTokenRepository {
    /// Adds a token to its family.
    fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<()>;

    /// Spends the token for `successor`, if nobody has: the one way to use it. `None` when it is spent, expired or
    /// unknown.
    fn spend_refresh_token(
        &mut self,
        id: RefreshTokenId,
        successor: RefreshTokenId,
        now: Timestamp,
    ) -> Result<Option<RefreshToken>>;

    /// The token, spent or not.
    fn refresh_token(&mut self, id: RefreshTokenId) -> Result<Option<RefreshToken>>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_our_own_tokens_are_read() {
        let (ours, others) = (RefreshKey::new([1; 32]), RefreshKey::new([2; 32]));
        let id = RefreshTokenId::generate();
        let token = ours.write(id);
        let token = kernel::secret::ExposeSecret::expose_secret(&token);
        assert_eq!(ours.read(token), Some(id));
        assert_eq!(others.read(token), None);
        for bent in [
            token[1..].to_owned(),
            token[..token.len() - 1].to_owned(),
            format!("{token}A"),
            format!("{token}="),
            token.to_uppercase(),
            format!(" {token}"),
            token.replace('.', ""),
        ] {
            assert_eq!(ours.read(&bent), None, "{bent}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_is_not_a_token(text in ".{0,90}") {
            prop_assert_eq!(RefreshKey::new([1; 32]).read(&text), None);
        }
    }
}
