//! The last step of a sign-in at a provider: the app shows the code that it was handed, and a session begins.

use identity::{CodeChallenge, Linked, SignInMethod, link::Provider};
use kernel::{Client, Code, Email, Error, ErrorKind, Name, Result, Secret, SecretHash, Timestamp, WebUrl};

use crate::{
    Door, Platform, Settings, SocialIdentity, Transaction,
    admission::Admitted,
    sessions::SignedInUser,
    social_failures::{Step, Whose},
    social_flow::{Returned, read},
    social_places::Whereabouts,
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
    /// `invalid_grant` for a code that was used, has expired, is another app's or was handed over elsewhere; and, which uses
    /// the code up, for another verifier, for a provider that was taken away meanwhile or set anew, and for who has cut
    /// their link to it since they went there; those of [`Self::social_sign_in`], which do as well; `mfa_required` and
    /// `mfa_enrollment_required`.
    pub async fn redeem_social_code(&self, shown: ShownSocialCode) -> Result<SignedInUser> {
        let whose = Whose { step: Step::Redemption, app: shown.door.app(), provider: None };
        let redeemed = self.redeem(&shown).await;
        redeemed.inspect_err(|error| {
            // Whoever is asked for a second factor has come through.
            if !matches!(error.code, Code::MfaRequired | Code::MfaEnrollmentRequired) {
                whose.refused(error);
            }
        })
    }

    async fn redeem(&self, shown: &ShownSocialCode) -> Result<SignedInUser> {
        let hash = self.keys().social.of_code(shown.door.app(), &shown.redirect_uri, &shown.code);
        // Before the code is used up: a session of which nobody gets the tokens is none.
        let (signer, now) = (self.signer().await?, self.now());
        let redeemed = match self.try_to_redeem(hash, shown, now).await {
            // Of two who come for the first time at once, the second one finds what the first one made.
            Err(error) if error.kind() == ErrorKind::Conflict => self.try_to_redeem(hash, shown, now).await,
            done => done,
        };
        match redeemed {
            Ok(Some(admitted)) => self.let_in(signer, &shown.door, admitted).await,
            Ok(None) => Err(Error::new(Code::InvalidGrant)),
            // What is wrong with us is no reason to begin again. Every other refusal was rolled back with the code's end.
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal) => Err(error),
            Err(error) => {
                self.store().write(move |tx| tx.consume_social_flow(hash, now)).await?;
                Err(error)
            }
        }
    }

    /// `None` for a code that is good for nothing, or is not any more.
    async fn try_to_redeem(
        &self,
        hash: SecretHash,
        shown: &ShownSocialCode,
        now: Timestamp,
    ) -> Result<Option<Admitted>> {
        let way_in = self.way_in(shown.client.clone(), SignInMethod::Social);
        let (door, verifier, sealing) = (shown.door.clone(), shown.code_verifier.clone(), self.keys().sealing.clone());
        let platform = self.clone();
        let redeemed = self.store().write(move |tx| {
            let Some(note) = tx.consume_social_flow(hash, now)? else { return Ok(None) };
            let returned: Returned = read(&sealing.open(&note, &hash.0)?)?;
            // Committed: the code is used up.
            if !CodeChallenge::parse(&returned.code_challenge)?.is_of(&verifier) {
                return Ok(None);
            }
            let identity = returned.identity()?;
            if !returned.still_counts(tx, &door, platform.settings(), &identity.provider)? {
                return Ok(None);
            }
            identity.enter(tx, &door, &way_in, now).map(Some)
        });
        redeemed.await
    }
}

impl Returned {
    /// Who it is. What a provider says of somebody beside who they are is left out where it makes no sense here.
    fn identity(&self) -> Result<SocialIdentity> {
        Ok(SocialIdentity {
            provider: self.provider.parse()?,
            subject: self.subject.clone(),
            email: Email::parse(&self.email)?,
            email_verified: self.email_verified,
            display_name: self.name.as_deref().and_then(|name| Name::parse(name).ok()),
            avatar_url: self.picture.as_deref().and_then(|picture| WebUrl::parse(picture).ok()),
        })
    }

    /// Whether the provider's word is taken still: it is set as it was, and nobody has cut the link to it since.
    fn still_counts(
        &self,
        tx: &mut dyn Transaction,
        door: &Door,
        settings: &Settings,
        name: &Provider,
    ) -> Result<bool> {
        let app = door.app();
        let provider = match app {
            Some(app) => tx.social_provider(app, name.as_str())?.map(|set| set.provider),
            None => settings.own_provider(name).map(|own| own.provider.clone()),
        };
        if provider.as_ref().map(Whereabouts::of).as_ref() != Some(&self.whereabouts) {
            return Ok(false);
        }
        let severed = match tx.linked(app, name.as_str(), &self.subject)? {
            Some(Linked::Severed(at)) => self.since <= at,
            Some(Linked::To(_)) | None => false,
        };
        Ok(!severed)
    }
}
