//! What the operator does at the console to organizations and their members. As with accounts, [`Unchecked`] stands for
//! the permit that nobody there needs; the rules of what an organization can be hold all the same.

use kernel::{
    Code, Email, Error, Event, EventKind, Listed, Page, Result, Slug, Timestamp, Unchecked,
    id::{AppId, MembershipId, OrganizationId, PrincipalId},
};
use serde_json::{Value, json};
use tenancy::Organization;

use crate::{
    Member, Platform, RoleChoice, Transaction,
    key_making::Author,
    members::{give_role, introduce, part},
    organizations::archive,
    role_choice::find_role,
};

/// A member, as the operator names them.
#[derive(Clone, Debug)]
pub enum OperatorMember {
    /// By their principal.
    Id(PrincipalId),
    /// By their address in the organization's app.
    Email(Email),
}

impl OperatorMember {
    /// # Errors
    /// `invalid_email` for what is neither.
    pub fn parse(text: &str) -> Result<Self> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => Email::parse(text).map(Self::Email),
        }
    }
}

impl Platform {
    /// The organization that the operator names by its id, or by its slug in an app.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_organization(&self, app: Option<AppId>, named: &str) -> Result<Organization> {
        let (id, slug) = (named.parse::<OrganizationId>().ok(), Slug::parse(named).ok());
        let found = self.store().read(move |tx| {
            // An id could be a slug, too; whoever called theirs so is found in a list.
            let by_id = id.map(|id| tx.organization(id)).transpose()?.flatten();
            match (by_id, &slug) {
                (None, Some(slug)) => tx.organization_by_slug(&Unchecked(app), slug),
                (by_id, _) => Ok(by_id),
            }
        });
        let why = "There is no such organization: give its id, or its slug and the app that it belongs to (--app).";
        found.await?.ok_or_else(|| Error::because(Code::NotFound, why))
    }

    /// The organizations of an app, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_organizations(
        &self,
        app: Option<AppId>,
        page: Page<OrganizationId>,
    ) -> Result<Listed<Organization, OrganizationId>> {
        self.store().read(move |tx| tx.organizations_in(&Unchecked(app), &page)).await
    }

    /// Archives an organization, or brings it back.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_archive_organization(&self, id: OrganizationId, archived: bool) -> Result<Organization> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let organization = tx.organization(id)?.ok_or_else(Error::not_found)?;
            archive(tx, &Unchecked(id), organization, archived, None, now)
        });
        changed.await
    }

    /// The members of an organization, in the order in which they came.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_members(
        &self,
        id: OrganizationId,
        page: Page<MembershipId>,
    ) -> Result<Listed<Member, MembershipId>> {
        let listed = self.store().read(move |tx| {
            let Listed { items, next, total } = tx.members_in(&Unchecked(id), &page)?;
            Ok(Listed { items: introduce(tx, &Unchecked(id), items)?, next, total })
        });
        listed.await
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// `not_found`; `last_owner`; `invalid_request` for a role that there is not.
    pub async fn operator_set_role(
        &self,
        id: OrganizationId,
        member: OperatorMember,
        choice: RoleChoice,
    ) -> Result<Member> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (within, principal) = (Unchecked(id), principal(tx, id, &member)?);
            let other_owners = tx.owners_besides(id, principal)?;
            let was = tx.membership(&within, principal)?.ok_or_else(no_such_member)?;
            let chosen = find_role(tx, &within, &choice)?;
            let changed = give_role(tx, &within, &was, &chosen, other_owners)?;
            let payload = json!({ "principal_id": principal, "role": chosen.name() });
            told(tx, id, EventKind::MembershipUpdated, payload, now)?;
            Ok(changed)
        });
        changed.await
    }

    /// Removes a member, with their places in teams and their grants there.
    ///
    /// # Errors
    /// `not_found`; `last_owner`.
    pub async fn operator_remove_member(&self, id: OrganizationId, member: OperatorMember) -> Result<()> {
        let now = self.now();
        let removed = self.store().write(move |tx| {
            let (within, principal) = (Unchecked(id), principal(tx, id, &member)?);
            let other_owners = tx.owners_besides(id, principal)?;
            let was = tx.membership(&within, principal)?.ok_or_else(no_such_member)?;
            let app = tx.organization(id)?.and_then(|organization| organization.app);
            part(tx, &within, Author { app, actor: None, now }, &was, other_owners)
        });
        removed.await
    }
}

fn told(tx: &mut dyn Transaction, id: OrganizationId, kind: EventKind, payload: Value, now: Timestamp) -> Result<()> {
    let app = tx.organization(id)?.and_then(|organization| organization.app);
    tx.append(&Event { app, organization: Some(id), payload, ..Event::new(kind, now) })
}

fn principal(tx: &mut dyn Transaction, id: OrganizationId, member: &OperatorMember) -> Result<PrincipalId> {
    match member {
        OperatorMember::Id(id) => Ok(*id),
        OperatorMember::Email(email) => {
            let organization = tx.organization(id)?.ok_or_else(Error::not_found)?;
            let account = tx.account_by_email(organization.app, email)?;
            account.map(|account| account.principal).ok_or_else(no_such_member)
        }
    }
}

fn no_such_member() -> Error {
    Error::because(Code::NotFound, "There is no such member: fabric member list shows who belongs to an organization.")
}
