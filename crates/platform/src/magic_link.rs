//! Sign-in by a link in a mail.

use identity::{Purpose, SignInMethod};
use kernel::{Client, Code, Email, Error, Result, Secret, WebUrl, secret::ExposeSecret};

use crate::{
    Door, Platform,
    accounts::is_closed,
    mail_sign_in::{allowed, enter_by_mail, may_enter_by_mail},
    records::MailOrder,
    sessions::SignedInUser,
};

/// A link that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MagicLink {
    /// Whose page takes the token over: the app's own site or the platform's, if there is one.
    pub site: Option<String>,
}

impl Platform {
    /// Asks for a link to sign in with. The same is done and answered for every address; whether there is an account is
    /// found out when the mail is written, and none is made.
    ///
    /// # Errors
    /// `sign_in_method_disabled` where the app has no such links; `too_many_requests` for who has asked for too many mails, to
    /// whatever addresses.
    pub async fn ask_for_magic_link(&self, door: Door, email: Email) -> Result<()> {
        if !allowed(door.settings(), SignInMethod::MagicLink) {
            return Err(Error::new(Code::SignInMethodDisabled));
        }
        self.order_mail(door, email, MailOrder::MagicLink).await
    }

    /// What there is to a link that somebody follows. Nothing is used up: mail scanners follow links.
    ///
    /// # Errors
    /// `invalid_token` when the link was used, has expired, or went to an address that is not the account's any more.
    pub async fn magic_link(&self, token: &Secret) -> Result<MagicLink> {
        let hash = self.keys().one_time.hash(Purpose::MagicLink, token.expose_secret());
        let (now, site) = (self.now(), self.settings().site_url.clone());
        let link = self.store().read(move |tx| {
            let invalid = || Error::new(Code::InvalidToken);
            let token = tx.one_time_token(Purpose::MagicLink, hash, now)?.ok_or_else(invalid)?;
            let account = tx.account(token.account)?.filter(|account| account.email == token.email);
            let account = account.filter(may_enter_by_mail).ok_or_else(invalid)?;
            if is_closed(tx, &account)? {
                return Err(invalid());
            }
            let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
            let own = app.and_then(|app| app.settings.site_url).as_ref().map(WebUrl::as_str).map(str::to_owned);
            Ok(MagicLink { site: own.or_else(|| site.clone()) })
        });
        link.await
    }

    /// Signs in with the token of a link, which is used up. Where a request names an app, the token of another is none.
    ///
    /// # Errors
    /// `invalid_token` when the link was used, has expired, or went to an address that is not the account's any more; and
    /// where the account or its app is disabled.
    pub async fn sign_in_by_link(&self, door: &Door, token: &Secret, client: Client) -> Result<SignedInUser> {
        let hash = self.keys().one_time.hash(Purpose::MagicLink, token.expose_secret());
        let (now, named, platform) = (self.now(), door.app(), self.settings().of_the_platform());
        let (way_in, signer) = (self.way_in(client, SignInMethod::MagicLink), self.signer().await?);
        let admitted = self.store().write(move |tx| {
            // As an error, so that nothing is used up where nobody gets in.
            let invalid = || Error::new(Code::InvalidToken);
            let token = tx.consume_one_time_token(Purpose::MagicLink, hash, now)?.ok_or_else(invalid)?;
            let account = tx.account(token.account)?.filter(|account| account.email == token.email);
            let account = account.filter(|account| named.is_none() || account.app == named).ok_or_else(invalid)?;
            tx.void_one_time_tokens(account.id, Purpose::MagicLink, now)?;
            enter_by_mail(tx, account, &platform, &way_in, now)?.ok_or_else(invalid)
        });
        let admitted = admitted.await?;
        let door = self.door_of(admitted.account.app).await?;
        self.let_in(signer, &door, admitted).await
    }
}
