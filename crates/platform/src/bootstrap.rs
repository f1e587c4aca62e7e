//! The first administrator.

use authz::SignedIn;
use identity::Account;
use kernel::{
    Code, Error, Event, EventKind, Name, Result, Secret, Slug,
    id::{OrganizationId, PrincipalId},
    secret::{ExposeSecret, is_same},
};
use serde_json::json;
use tenancy::Organization;
use uuid::Uuid;

use crate::{
    Platform,
    accounts::{empty_organization, free_slug, insert_organization},
};

/// The organization that the Python SDK sends when nobody says which: it exists in development alone.
const DEVELOPMENT_ORGANIZATION: OrganizationId = OrganizationId(Uuid::from_u128(0x10));

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrapped {
    /// Who runs the platform now.
    pub principal: PrincipalId,
    /// The development organization, in development.
    pub organization: Option<OrganizationId>,
}

impl Platform {
    /// Makes the caller the platform's first administrator. For that one it is the same answer every time.
    ///
    /// # Errors
    /// `bootstrap_closed` once there is one, and in production without `FABRIC_BOOTSTRAP_TOKEN`.
    pub async fn bootstrap(&self, caller: SignedIn, token: Option<Secret>) -> Result<Bootstrapped> {
        let closed = || Error::new(Code::BootstrapClosed);
        if caller.app.is_some() || !self.settings().development() && !self.is_bootstrap_token(token.as_ref()) {
            return Err(closed());
        }
        let (now, development) = (self.now(), self.settings().development());
        let made = self.store().write(move |tx| {
            let taken = tx.has_platform_admin(None)?;
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            if taken && !account.platform_admin {
                return Err(closed());
            }
            if !taken {
                tx.update_account(&Account { platform_admin: true, updated_at: now, ..account })?;
                tx.append(&Event {
                    actor: Some(caller.principal),
                    payload: json!({ "principal_id": caller.principal, "platform_admin": true }),
                    ..Event::new(EventKind::UserUpdated, now)
                })?;
            }
            if development && tx.organization(DEVELOPMENT_ORGANIZATION)?.is_none() {
                let slug = Slug::parse("development")?;
                let slug = if tx.organization_slug_taken(None, &slug)? { free_slug(tx, None)? } else { slug };
                let organization = Organization {
                    id: DEVELOPMENT_ORGANIZATION,
                    name: Name::constant("Development"),
                    ..empty_organization(None, slug, now)
                };
                insert_organization(tx, organization, caller.principal, Some(caller.principal), now)?;
            }
            Ok(())
        });
        made.await?;
        Ok(Bootstrapped { principal: caller.principal, organization: development.then_some(DEVELOPMENT_ORGANIZATION) })
    }

    fn is_bootstrap_token(&self, presented: Option<&Secret>) -> bool {
        let expected = self.settings().bootstrap_token.as_ref();
        expected.zip(presented).is_some_and(|(expected, presented)| is_same(expected, presented.expose_secret()))
    }
}
