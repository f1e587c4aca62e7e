//! What callers see and change about themselves.

use authz::{Acting, Authority, Caller, KeyGrant, SignedIn, action::OrganizationList};
use identity::Account;
use kernel::{
    Code, Email, Error, EventKind, Listed, Metadata, Name, Page, Result, Role, Unchecked,
    id::{AppId, OrganizationId, PrincipalId, TeamId},
};

use crate::{
    HeldRole, Platform,
    accounts::{account_event, delete_account},
    permit::authority_in_teams,
    reauthentication::Reauthentication,
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

    /// Deletes the caller's own account. Whoever has a password shows it once more, with a second factor where a sign-in
    /// takes one; whoever has none has signed in a moment ago, or shows the factor: a token that was stolen deletes nobody.
    /// When somebody signed in at another issuer is not known.
    ///
    /// # Errors
    /// `invalid_credentials`, also for a password that is there and not shown; `reauthentication_required` without one, long
    /// after the sign-in, and for a password alone where a sign-in takes more; `invalid_code`; `account_locked` and
    /// `mfa_locked` after too many of those; `last_owner` or `conflict` where others depend on the account.
    pub async fn delete_me(&self, caller: SignedIn, shown: Reauthentication) -> Result<()> {
        let id = caller.account;
        let account = self.store().read(move |tx| tx.account(id)).await?.ok_or_else(Error::not_found)?;
        let has_password = account.password.is_some();
        let shown = Reauthentication { password: shown.password.filter(|_| has_password), ..shown };
        if has_password && shown.password.is_none() {
            return Err(Error::new(Code::InvalidCredentials));
        }
        let has_nothing = caller.session.is_none() && !has_password && shown.factor.is_none();
        let (reauthenticated, now) = (self.compare(&caller, shown).await?, self.now());
        let deleted = self.store().write(move |tx| {
            let account = tx.account(id)?.ok_or_else(Error::not_found)?;
            if !has_nothing && let Some(refused) = reauthenticated.settle(tx, &caller, &account, now)? {
                return Ok(Some(refused));
            }
            delete_account(tx, &Unchecked(caller.app), caller.principal, Some(caller.principal), now)?;
            Ok(None)
        });
        deleted.await?.map_or(Ok(()), |refused| Err(Error::new(refused)))
    }
}

/// The roles that a key leaves to its principal where it acts.
fn places_with(key: &KeyGrant, authority: &Authority) -> Vec<(Option<TeamId>, Role)> {
    let cap = |role: Role| key.role.map_or(role, |cap| cap.min(role));
    let own = authority.member.iter().map(|member| (None, cap(member.role)));
    own.chain(authority.teams.iter().map(|(team, role)| (Some(*team), cap(*role)))).collect()
}
