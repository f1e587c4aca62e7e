//! The passkeys of somebody whose account the caller manages.

use authz::{
    Acting,
    action::{UserManage, UserRead},
};
use kernel::{
    Result,
    id::{PasskeyId, PrincipalId},
};

use super::{
    admin::{AppQuery, hint},
    auth::Done,
    passkeys::RegisteredPasskey,
};
use crate::{
    answer::Answer,
    request::{ForRequest, Named, PathId, Query},
};

/// Lists a user's passkeys, oldest first: there are 20 at the most.
pub async fn list(
    caller: Acting<UserRead>,
    (platform, named, Query(query), PathId(id)): (ForRequest, Named, Query<AppQuery>, PathId<PrincipalId>),
) -> Result<Answer<Vec<RegisteredPasskey>>> {
    let hint = hint(query.app_id.as_deref(), &named)?;
    let passkeys = platform.passkeys_of_user(caller, hint, id).await?;
    Ok(Answer::ok(passkeys.into_iter().map(RegisteredPasskey::from).collect()))
}

/// Removes a user's passkey: for who has lost the device.
pub async fn remove(
    caller: Acting<UserManage>,
    (platform, named, Query(query), PathId(id), PathId(passkey)): (
        ForRequest,
        Named,
        Query<AppQuery>,
        PathId<PrincipalId>,
        PathId<PasskeyId>,
    ),
) -> Result<Answer<Done>> {
    platform.remove_passkey_of_user(caller, hint(query.app_id.as_deref(), &named)?, id, passkey).await?;
    Ok(Answer::ok(Done { message: "The passkey is removed." }))
}
