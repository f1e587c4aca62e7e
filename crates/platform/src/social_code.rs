//! The last step of a sign-in at a provider: the app shows the code that it was handed, and a session begins.

use identity::{CodeChallenge, SignInMethod};
use kernel::{Client, Code, Email, Error, ErrorKind, Name, Result, Secret, SecretHash, WebUrl};

use crate::{
    Door, Platform, SocialIdentity,
    admission::Admitted,
    sessions::SignedInUser,
    social_flow::{Returned, read},
};

/// A code that an app was handed.
#[derive(Clone, Debug)]
pub struct ShownSocialCode {
    /// Which app it is.
    pub door: Door,
    /// The code.
    pub code: Secret,
    /// What `code_challenge` was made of.
    pub code_verifier: Secret,
    /// Where the code was handed over.
    pub redirect_uri: String,
    /// The device.
    pub client: Client,
}

impl Platform {
    /// Begins the session of who came back from a provider. The account is found, linked or made in the unit of work that
    /// uses the code up: who does not come this far leaves nothing behind.
    ///
    /// # Errors
    /// `invalid_grant` for a code that was used, has expired, is another app's or was handed over elsewhere, and for
    /// another verifier, which uses the code up; those of [`Self::social_sign_in`], which do as well; `mfa_required` and
    /// `mfa_enrollment_required`.
    pub async fn redeem_social_code(&self, shown: ShownSocialCode) -> Result<SignedInUser> {
        let hash = self.keys().social.of_code(shown.door.app(), &shown.redirect_uri, &shown.code);
        let redeemed = match self.try_to_redeem(hash, &shown).await {
            // Of two who come for the first time at once, the second one finds what the first one made.
            Err(error) if error.kind() == ErrorKind::Conflict => self.try_to_redeem(hash, &shown).await,
            done => done,
        };
        match redeemed {
            Ok(admitted) => self.let_in(self.signer().await?, &shown.door, admitted).await,
            Err(error) => {
                if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Validation | ErrorKind::NotFound) {
                    let now = self.now();
                    self.store().write(move |tx| tx.consume_social_flow(hash, now)).await?;
                }
                Err(error)
            }
        }
    }

    async fn try_to_redeem(&self, hash: SecretHash, shown: &ShownSocialCode) -> Result<Admitted> {
        let way_in = self.way_in(shown.client.clone(), SignInMethod::Social);
        let (door, verifier, sealing) = (shown.door.clone(), shown.code_verifier.clone(), self.keys().sealing.clone());
        let now = self.now();
        let redeemed = self.store().write(move |tx| {
            let Some(note) = tx.consume_social_flow(hash, now)? else { return Ok(None) };
            let returned: Returned = read(&sealing.open(&note, &hash.0)?)?;
            // Committed: the code is used up.
            if !CodeChallenge::parse(&returned.code_challenge)?.is_of(&verifier) {
                return Ok(None);
            }
            returned.identity()?.enter(tx, &door, &way_in, now).map(Some)
        });
        redeemed.await?.ok_or_else(|| Error::new(Code::InvalidGrant))
    }
}

impl Returned {
    /// Who it is. What a provider says of somebody beside who they are is left out where it makes no sense here.
    fn identity(&self) -> Result<SocialIdentity> {
        let identity = SocialIdentity {
            provider: self.provider.parse()?,
            subject: self.subject.clone(),
            email: Email::parse(&self.email)?,
            email_verified: self.email_verified,
            display_name: self.name.as_deref().and_then(|name| Name::parse(name).ok()),
            avatar_url: self.picture.as_deref().and_then(|picture| WebUrl::parse(picture).ok()),
        };
        if identity.is_somebody() { Ok(identity) } else { Err(Error::new(Code::InvalidGrant)) }
    }
}
