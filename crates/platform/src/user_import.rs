//! People who come from another system, with the hashes of their passwords.

use identity::{Account, EmailProof, PasswordHash};
use kernel::{Email, Metadata, Name, Result, id::AppId};

use crate::{
    Platform,
    accounts::{Maker, Newcomer},
};

/// Somebody from another system.
#[derive(Clone, Debug)]
pub struct ImportedUser {
    /// To which app they come; `None` is the platform itself.
    pub app: Option<AppId>,
    /// The address.
    pub email: Email,
    /// Whether the other system vouches for it.
    pub verified: bool,
    /// What the other system made of the password. It is replaced when they sign in for the first time.
    pub password: Option<PasswordHash>,
    /// What they are called.
    pub display_name: Option<Name>,
    /// What else is known of them.
    pub metadata: Metadata,
    /// Whether they may not sign in.
    pub disabled: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Imported {
    /// They have an account now; without, they would have one.
    Made(Option<Box<Account>>),
    /// The address has an account already, which stays as it is.
    Exists,
}

impl Platform {
    /// Makes an account for somebody from another system, or says what would come of it (`dry`). Whoever is there already
    /// stays as they are, so that a file can be imported once more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_import_user(&self, user: ImportedUser, dry: bool) -> Result<Imported> {
        let now = self.now();
        let imported = self.store().write(move |tx| {
            let taken = tx.former_address(user.app, &user.email, now)?.is_some()
                || tx.account_by_email(user.app, &user.email)?.is_some();
            if taken {
                return Ok(Imported::Exists);
            }
            if dry {
                return Ok(Imported::Made(None));
            }
            let app = user.app.map(|id| tx.app(id)).transpose()?.flatten();
            let newcomer = Newcomer {
                proof: user.verified.then_some(EmailProof::Operator),
                password: user.password.clone(),
                display_name: user.display_name.clone(),
                metadata: user.metadata.clone(),
                organization: app.is_none_or(|app| app.settings.auto_create_org),
                ..Newcomer::new(user.app, user.email.clone())
            };
            let account = newcomer.join(tx, Maker::Operator, now)?;
            if !user.disabled {
                return Ok(Imported::Made(Some(Box::new(account))));
            }
            let account = Account { disabled_at: Some(now), ..account };
            tx.update_account(&account)?;
            Ok(Imported::Made(Some(Box::new(account))))
        });
        imported.await
    }
}
