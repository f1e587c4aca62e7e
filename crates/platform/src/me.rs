//! What callers see and change about themselves.

use authz::{Acting, Authority, Caller, KeyGrant, SignedIn, action::OrganizationList};
use identity::{Account, password::Password};
use kernel::{
    Code, Email, Error, EventKind, Listed, Metadata, Name, Page, Result, Role, Unchecked,
    id::{AppId, OrganizationId, PrincipalId, TeamId},
};

use crate::{
    HeldRole, Platform,
    accounts::{account_event, delete_account},
    permit::authority_in_teams,
    reauthentication::require_fresh,
    role_choice::own_names,
};

/// Who a caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// Who.
    pub principal: PrincipalId,
    /// In which app.
    pub app: Option<AppId>,
    /// Their address, where there is an account.
    pub email: Option<Email>,
    /// Whether it is proven.
    pub email_verified: bool,
    /// What they are called.
    pub display_name: Option<Name>,
    /// Whether they run the platform.
    pub platform_admin: bool,
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct MeChange {
    /// What they are called; `Some(None)` is nothing at all.
    pub display_name: Option<Option<Name>>,
    /// What the app keeps about them.
    pub metadata: Option<Metadata>,
}

/// What somebody is in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceHeld {
    /// Where.
    pub organization: OrganizationId,
    /// In which team of it; none in the organization as a whole.
    pub team: Option<TeamId>,
    /// What.
    pub role: HeldRole,
}

impl Platform {
    /// Who the caller is. Warm, it touches no database.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn me(&self, caller: &Caller) -> Result<Me> {
        let account = match caller.account() {
            Some(account) => self.account_facts(account).await?,
            None => None,
        };
        let in_person = caller.app.is_none() && caller.key().is_none();
        Ok(Me {
            principal: caller.principal,
            app: caller.app,
            email: account.as_ref().map(|account| account.email.clone()),
            email_verified: account.as_ref().is_some_and(|account| account.email_verified),
            platform_admin: in_person && account.as_ref().is_some_and(|account| account.platform_admin),
            display_name: account.and_then(|account| account.display_name.clone()),
        })
    }

    /// The caller's roles, by what they are called there: in each organization they belong to, and in their teams of it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn held_roles(
        &self,
        acting: Acting<OrganizationList>,
        page: Page<OrganizationId>,
    ) -> Result<Listed<Vec<PlaceHeld>, OrganizationId>> {
        let caller = acting.caller().clone();
        let listed = self.store().read(move |tx| {
            let listed = match caller.key() {
                Some(key) => {
                    let authority = authority_in_teams(tx, key.organization, caller.principal)?;
                    let authority = authority.filter(|authority| authority.app == caller.app);
                    Listed::whole(authority.map(|authority| (key.organization, places_with(key, &authority))), &page)
                }
                None => {
                    let Listed { items, next, total } = tx.organizations_of(caller.app, caller.principal, &page)?;
                    let mut places = Vec::with_capacity(items.len());
                    for (organization, role) in items {
                        let teams = tx.places_in_teams(organization.id, caller.principal)?;
                        let teams = teams.into_iter().map(|place| (Some(place.team), place.role));
                        places.push((organization.id, std::iter::once((None, role)).chain(teams).collect()));
                    }
                    Listed { items: places, next, total }
                }
            };
            let mut names = own_names(tx, &caller, listed.items.iter().map(|(organization, _)| *organization))?;
            Ok(listed.map(|(organization, places): (_, Vec<(Option<TeamId>, Role)>)| {
                let held = places.into_iter().map(|(team, built_in)| PlaceHeld {
                    organization,
                    team,
                    role: HeldRole { built_in, own: names.remove(&(organization, team)) },
                });
                held.collect()
            }))
        });
        listed.await
    }

    /// Changes the caller's own profile.
    ///
    /// # Errors
    /// `not_found` when the account is gone.
    pub async fn change_me(&self, caller: SignedIn, change: MeChange) -> Result<Account> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let account = tx.account(caller.account)?.ok_or_else(Error::not_found)?;
            let change = change.clone();
            let account = Account {
                display_name: change.display_name.unwrap_or(account.display_name.clone()),
                metadata: change.metadata.unwrap_or(account.metadata.clone()),
                updated_at: now,
                ..account
            };
            tx.update_account(&account)?;
            tx.append(&account_event(EventKind::UserUpdated, &account, now))?;
            Ok(account)
        });
        changed.await
    }

    /// Deletes the caller's own account. Whoever has a password shows it once more, and whoever has none has signed in a
    /// moment ago: a token that was stolen deletes nobody. When somebody signed in at another issuer is not known.
    ///
    /// # Errors
    /// `invalid_credentials`; `reauthentication_required` without a password, long after the sign-in; `account_locked` after too many of those; `last_owner` or `conflict` where others depend
    /// on the account.
    pub async fn delete_me(&self, caller: SignedIn, password: Option<Password>) -> Result<()> {
        let wrong = || Error::new(Code::InvalidCredentials);
        let id = caller.account;
        let account = self.store().read(move |tx| tx.account(id)).await?.ok_or_else(Error::not_found)?;
        let compared = match (&account.password, password) {
            (None, _) => None,
            (Some(_), None) => return Err(wrong()),
            (Some(_), Some(password)) => {
                let door = self.door_of(caller.app).await?;
                Some(self.compare_password(&door, &account.email, password).await?)
            }
        };
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            match &compared {
                Some(compared) if compared.settle(tx, now)?.is_none() => return Ok(false),
                None if caller.session.is_some() => require_fresh(tx, &caller, now)?,
                _ => {}
            }
            delete_account(tx, &Unchecked(caller.app), caller.principal, Some(caller.principal), now)?;
            Ok(true)
        });
        if deleted.await? { Ok(()) } else { Err(wrong()) }
    }
}

/// The roles that a key leaves to its principal where it acts.
fn places_with(key: &KeyGrant, authority: &Authority) -> Vec<(Option<TeamId>, Role)> {
    let cap = |role: Role| key.role.map_or(role, |cap| cap.min(role));
    let own = authority.member.iter().map(|member| (None, cap(member.role)));
    own.chain(authority.teams.iter().map(|(team, role)| (Some(*team), cap(*role)))).collect()
}
