//! Managing accounts: those of an app, or the platform's own.

use authz::{
    Acting, SignedIn,
    action::{UserManage, UserRead},
};
use identity::{Account, account::AccountFilter, password::Password};
use kernel::{
    Email, Error, Metadata, Name, Page, Result, Secret, Timestamp,
    id::{AccountId, PrincipalId},
};
use platform::{AppHint, Deed, NewUser};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{auth::Done, organizations::cursor};
use crate::{
    answer::{Answer, Created, Pagination},
    request::{Body, ForRequest, Named, OptionalBody, PathId, Query},
};

/// An account.
#[derive(Serialize, ToSchema)]
pub struct User {
    /// The principal's id.
    id: Uuid,
    app_id: Option<Uuid>,
    email: String,
    email_verified: bool,
    display_name: Option<String>,
    platform_admin: bool,
    disabled: bool,
    has_password: bool,
    #[schema(value_type = Object)]
    metadata: Metadata,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        Self {
            id: account.principal.0,
            app_id: account.app.map(|app| app.0),
            email: account.email.as_str().to_owned(),
            email_verified: account.email_verified(),
            display_name: account.display_name.map(|name| name.as_str().to_owned()),
            platform_admin: account.platform_admin,
            disabled: account.disabled_at.is_some(),
            has_password: account.password.is_some(),
            metadata: account.metadata,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

/// An account with its lock.
#[derive(Serialize, ToSchema)]
pub struct UserWithLock {
    #[serde(flatten)]
    user: User,
    locked: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    locked_until: Option<Timestamp>,
    /// Whether there is a second factor that counts.
    totp_enabled: bool,
}

/// Which app is meant.
#[derive(Deserialize, IntoParams)]
pub struct AppQuery {
    /// The app's id or client id; where the caller manages only one, that one without.
    pub(super) app_id: Option<String>,
}

/// The app that the query or the header names.
pub(super) fn hint(query: Option<&str>, Named(header): &Named) -> Result<Option<AppHint>> {
    query.or(header.as_deref()).map(AppHint::parse).transpose()
}

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
pub struct UsersQuery {
    /// The app's id or client id; where the caller manages only one, that one without.
    app_id: Option<String>,
    /// Only addresses that begin with this.
    #[serde(alias = "search", alias = "q")]
    email: Option<String>,
    /// At most this many; 20 without, 200 at most.
    limit: Option<u32>,
    /// Skips this many; 10,000 at most: there are cursors behind that.
    offset: Option<u32>,
    /// Where the last page ended: its `pagination.next_cursor`.
    cursor: Option<String>,
    /// Whether to count them all, which takes longer the more there are.
    #[serde(default)]
    include_total: bool,
}

/// One page of accounts.
#[derive(Serialize, ToSchema)]
pub struct Users {
    items: Vec<User>,
    pagination: Pagination,
}

/// Lists and searches accounts.
pub async fn list(
    caller: Acting<UserRead>,
    (platform, named, Query(query)): (ForRequest, Named, Query<UsersQuery>),
) -> Result<Answer<Users>> {
    let hint = hint(query.app_id.as_deref(), &named)?;
    let after: Option<AccountId> = cursor(query.cursor.as_deref())?;
    let page = Page::new(after, query.offset.unwrap_or(0), query.limit.unwrap_or(20))?.counted(query.include_total);
    let email_prefix = query.email.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
    if email_prefix.as_ref().is_some_and(|prefix| prefix.contains('\0')) {
        return Err(Error::new(kernel::Code::InvalidParameter));
    }
    let listed = platform.users(caller, hint, AccountFilter { email_prefix }, page).await?;
    let pagination = Pagination::of(&listed, page.limit);
    Ok(Answer::ok(Users { items: listed.items.into_iter().map(User::from).collect(), pagination }))
}

/// A new account.
#[derive(Deserialize, ToSchema)]
pub struct CreateUserRequest {
    email: String,
    /// Without one, the person asks for a link to set one.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    display_name: Option<String>,
    /// Whether the caller vouches for the address.
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Value,
}

/// Makes an account.
pub async fn create(
    caller: Acting<UserManage>,
    (platform, named, Query(query), Body(new)): (ForRequest, Named, Query<AppQuery>, Body<CreateUserRequest>),
) -> Result<Created<User>> {
    let hint = hint(query.app_id.as_deref(), &named)?;
    let new = NewUser {
        email: Email::parse(&new.email)?,
        password: new.password.as_ref().map(Password::choose).transpose()?,
        display_name: new.display_name.as_deref().map(Name::parse).transpose()?,
        email_verified: new.email_verified,
        metadata: Metadata::parse(new.metadata)?,
    };
    Ok(Created(platform.create_user(caller, hint, new).await?.into()))
}

/// What names one account.
type One = (ForRequest, Named, Query<AppQuery>, PathId<PrincipalId>);

/// Shows an account.
pub async fn read(
    caller: Acting<UserRead>,
    (platform, named, Query(query), PathId(id)): One,
) -> Result<Answer<UserWithLock>> {
    let hint = hint(query.app_id.as_deref(), &named)?;
    let details = platform.user(caller, hint, id).await?;
    Ok(Answer::ok(UserWithLock {
        user: details.account.into(),
        locked: details.locked_until.is_some(),
        locked_until: details.locked_until,
        totp_enabled: details.totp_enabled,
    }))
}

/// Deletes an account.
pub async fn delete(
    caller: Acting<UserManage>,
    (platform, named, Query(query), PathId(id)): One,
) -> Result<Answer<Done>> {
    platform.delete_user(caller, hint(query.app_id.as_deref(), &named)?, id).await?;
    Ok(Answer::ok(Done { message: "The account is deleted." }))
}

async fn manage(caller: Acting<UserManage>, one: One, deed: Deed) -> Result<Answer<User>> {
    let (platform, named, Query(query), PathId(id)) = one;
    let hint = hint(query.app_id.as_deref(), &named)?;
    Ok(Answer::ok(platform.manage_user(caller, hint, id, deed).await?.into()))
}

/// Lifts a lock.
pub async fn unlock(caller: Acting<UserManage>, one: One) -> Result<Answer<User>> {
    manage(caller, one, Deed::Unlock).await
}

/// Vouches for an address.
pub async fn verify(caller: Acting<UserManage>, one: One) -> Result<Answer<User>> {
    manage(caller, one, Deed::Verify).await
}

/// Ends every session.
pub async fn logout_all(caller: Acting<UserManage>, one: One) -> Result<Answer<User>> {
    manage(caller, one, Deed::SignOut).await
}

/// Removes a user's second factor.
pub async fn remove_second_factor(caller: Acting<UserManage>, one: One) -> Result<Answer<User>> {
    manage(caller, one, Deed::RemoveSecondFactor).await
}

/// Disables an account.
pub async fn disable(caller: Acting<UserManage>, one: One) -> Result<Answer<User>> {
    manage(caller, one, Deed::Disable).await
}

/// Enables an account again.
pub async fn enable(caller: Acting<UserManage>, one: One) -> Result<Answer<User>> {
    manage(caller, one, Deed::Enable).await
}

/// What the first administrator shows in production.
#[derive(Default, Deserialize, ToSchema)]
pub struct BootstrapRequest {
    /// `FABRIC_BOOTSTRAP_TOKEN`.
    #[schema(value_type = Option<String>)]
    token: Option<Secret>,
}

/// The first administrator.
#[derive(Serialize, ToSchema)]
pub struct FirstAdmin {
    principal_id: Uuid,
    platform_admin: bool,
    /// The development organization, in development.
    organization_id: Option<Uuid>,
}

/// Makes the caller the first administrator.
pub async fn bootstrap(
    caller: SignedIn,
    (platform, OptionalBody(shown)): (ForRequest, OptionalBody<BootstrapRequest>),
) -> Result<Answer<FirstAdmin>> {
    let bootstrapped = platform.bootstrap(caller, shown.token).await?;
    Ok(Answer::ok(FirstAdmin {
        principal_id: bootstrapped.principal.0,
        platform_admin: true,
        organization_id: bootstrapped.organization.map(|organization| organization.0),
    }))
}
