//! `fabric user`: accounts, at the console.

use identity::Account;
use kernel::{
    Code, Email, Error, Name, Page, Result,
    id::{AccountId, AppId},
};
use platform::{Deed, OperatorUser, Platform};
use serde_json::{Value, json};

use super::{password, user_import};
use crate::{
    arguments::{ListUsers, One, User, UserCommand},
    config::Config,
    output::Output,
    start::start,
};

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database.
pub async fn run(config: &Config, user: User, show: Output) -> Result<()> {
    let platform = start(config).await?.for_operator();
    match user.command {
        UserCommand::Create(new) => {
            let made = platform.operator_create_user(OperatorUser {
                app: app(&platform, new.one.app.as_deref()).await?,
                email: Email::parse(&new.one.email)?,
                password: password::read(new.password.password, new.password.password_stdin)?,
                display_name: new.display_name.as_deref().map(Name::parse).transpose()?,
                verified: new.skip_verification,
                admin: new.admin,
            });
            said(show, "Created", &made.await?);
        }
        UserCommand::Import(file) => {
            user_import::run(&platform, app(&platform, file.app.as_deref()).await?, &file, show).await?;
        }
        UserCommand::List(which) => list(&platform, &which, show).await?,
        UserCommand::Unlock(one) => said(show, "Unlocked", &manage(&platform, &one, Deed::Unlock).await?),
        UserCommand::Verify(one) => said(show, "Verified", &manage(&platform, &one, Deed::Verify).await?),
        UserCommand::ResetMfa(one) => {
            said(show, "Removed the second factor of", &manage(&platform, &one, Deed::RemoveSecondFactor).await?);
        }
        UserCommand::ResetPassword(reset) => {
            let password = password::read(reset.new_password, reset.password_stdin)?;
            let (app, email) = named(&platform, &reset.one).await?;
            said(show, "Set another password for", &platform.operator_reset_password(app, email, password).await?);
        }
        UserCommand::Delete(one) => {
            let (app, email) = named(&platform, &one).await?;
            platform.operator_delete_user(app, email.clone()).await?;
            show.say(&json!({ "deleted": email.as_str() }), || format!("Deleted {email}."));
        }
    }
    Ok(())
}

async fn app(platform: &Platform, named: Option<&str>) -> Result<Option<AppId>> {
    match named {
        Some(named) => platform.operator_app(named).await.map(Some),
        None => Ok(None),
    }
}

async fn named(platform: &Platform, one: &One) -> Result<(Option<AppId>, Email)> {
    Ok((app(platform, one.app.as_deref()).await?, Email::parse(&one.email)?))
}

async fn manage(platform: &Platform, one: &One, deed: Deed) -> Result<Account> {
    let (app, email) = named(platform, one).await?;
    platform.operator_manage_user(app, email, deed).await
}

async fn list(platform: &Platform, which: &ListUsers, show: Output) -> Result<()> {
    let app = app(platform, which.app.as_deref()).await?;
    let wrong = |_| Error::because(Code::InvalidParameter, "Give the cursor as the last page printed it.");
    let after: Option<AccountId> = which.cursor.as_deref().map(|text| text.parse().map_err(wrong)).transpose()?;
    let listed = platform.operator_users(app, Page::new(after, 0, which.limit)?).await?;
    let items: Vec<_> = listed.items.iter().map(as_json).collect();
    let next = listed.next.map(|next| next.to_string());
    show.say(&json!({ "items": items, "next_cursor": next }), || {
        let mut lines: Vec<_> = listed.items.iter().map(as_line).collect();
        lines.extend(next.iter().map(|next| format!("There are more: --cursor {next}")));
        if lines.is_empty() { "There are no accounts here.".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

fn said(show: Output, done: &str, account: &Account) {
    show.say(&as_json(account), || format!("{done} {} ({}).", account.email, account.principal));
}

fn as_line(account: &Account) -> String {
    let state = match (account.disabled_at.is_some(), account.email_verified()) {
        (true, _) => "disabled",
        (false, true) => "verified",
        (false, false) => "unverified",
    };
    let admin = if account.platform_admin { "  admin" } else { "" };
    format!("{}  {}  {state}{admin}", account.principal, account.email)
}

fn as_json(account: &Account) -> Value {
    json!({
        "id": account.principal,
        "app_id": account.app,
        "email": account.email.as_str(),
        "email_verified": account.email_verified(),
        "display_name": account.display_name.as_ref().map(Name::as_str),
        "platform_admin": account.platform_admin,
        "disabled": account.disabled_at.is_some(),
        "created_at": account.created_at,
    })
}
