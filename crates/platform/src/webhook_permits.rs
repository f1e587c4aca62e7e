//! What it takes to decide about an endpoint that hears tokens, and about the secret that such endpoints share.

use authz::{Acting, Permit, action::AppRotateSecret};
use kernel::{Error, ErrorKind, Result, Scope as _, id::AppId};

use crate::{Transaction, permit::locate_app};

/// An endpoint that is bound to an app hears the tokens that the app's users are sent: whoever decides where it is can act
/// as each of them. So can who has the app's client secret, and therefore that is what one must be able to get.
///
/// # Errors
/// `not_found` for an app that is not the organization's; `forbidden` for who may not replace its secret.
pub(crate) fn permit_tokens<A>(tx: &mut dyn Transaction, permit: &Permit<A>, app: Option<AppId>) -> Result<()> {
    let Some(app) = app else { return Ok(()) };
    let (_, app) = locate_app(tx, &Acting::<AppRotateSecret>::new(permit.caller().clone())?, app)?;
    if app.owner == permit.organization() { Ok(()) } else { Err(Error::not_found()) }
}

/// Who knows the organization's signing secret can write what a bound endpoint takes for Fabric's own word, so it takes as
/// much to get it, or to replace it, as to decide about each bound endpoint that is signed for with it.
///
/// # Errors
/// Those of [`permit_tokens`].
pub(crate) fn permit_shared_secret<A>(tx: &mut dyn Transaction, permit: &Permit<A>) -> Result<()> {
    let endpoints = tx.endpoints_of(&[permit.organization()])?;
    for endpoint in endpoints.into_iter().filter(|endpoint| endpoint.secret.is_none()) {
        permit_tokens(tx, permit, endpoint.app)?;
    }
    Ok(())
}

/// Whether they may learn the organization's signing secret.
///
/// # Errors
/// Those of the database.
pub(crate) fn may_learn_shared_secret<A>(tx: &mut dyn Transaction, permit: &Permit<A>) -> Result<bool> {
    match permit_shared_secret(tx, permit) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}
