use std::sync::Arc;

use kernel::id::{AccountId, AppId};
use proptest::prelude::*;

use super::*;
use crate::{
    Credential, KeyGrant, KeyScopes,
    action::{OrganizationRead, OrganizationUpdate},
};

fn person(app: Option<AppId>) -> Caller {
    Caller {
        principal: PrincipalId::generate(),
        app,
        credential: Credential::Exchange { account: AccountId::generate() },
    }
}

fn key(organization: OrganizationId, role: Role, scopes: &[&str]) -> Caller {
    let scopes = KeyScopes::parse(scopes.iter().copied()).unwrap();
    let grant = KeyGrant { role: Some(role), scopes, ..KeyGrant::new(organization) };
    Caller { credential: Credential::ApiKey(Arc::new(grant)), ..person(None) }
}

fn ask<A: Action>(caller: Caller, organization: OrganizationId, authority: Option<Authority>) -> Result<Role> {
    let acting = Acting::<A>::new(caller)?;
    let resource = Some(Resource::of("organization", organization.0));
    decide(Subject { acting: &acting, organization, team: None, resource, authority }).map(|permit| permit.role())
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

#[test]
fn strangers_and_other_apps_see_nothing() {
    let here = OrganizationId::generate();
    let (ours, theirs) = (Some(AppId::generate()), Some(AppId::generate()));
    let owner = |app| Some(Authority::of_role(app, Role::Owner));
    for (caller, authority) in
        [(ours, None), (ours, owner(theirs)), (None, owner(theirs)), (ours, owner(None)), (theirs, owner(ours))]
    {
        let told = ask::<OrganizationRead>(person(caller), here, authority);
        assert_eq!(told.unwrap_err().code, Code::NotFound);
    }
    assert_eq!(ask::<OrganizationRead>(person(ours), here, owner(ours)).unwrap(), Role::Owner);
}

#[test]
fn a_key_acts_in_its_own_organization_alone() {
    let (here, there) = (OrganizationId::generate(), OrganizationId::generate());
    let owner = || Some(Authority::of_role(None, Role::Owner));
    let told = ask::<OrganizationRead>(key(there, Role::Owner, &[]), here, owner());
    assert_eq!(told.unwrap_err().code, Code::NotFound);
    let told = ask::<OrganizationRead>(key(here, Role::Owner, &["users:write"]), here, owner());
    assert_eq!(told.unwrap_err().code, Code::InsufficientScope);
}

#[test]
fn a_permit_tells_what_else_one_may_by_the_same_rules() {
    let here = OrganizationId::generate();
    let permit = |caller, role| {
        let acting = Acting::<OrganizationRead>::new(caller).unwrap();
        let authority = Some(Authority::of_role(None, role));
        decide(Subject { acting: &acting, organization: here, team: None, resource: None, authority }).unwrap()
    };
    let told = |caller, role| permit(caller, role).need::<OrganizationUpdate>().map_err(|error| error.code);
    assert!(permit(person(None), Role::Admin).may::<OrganizationUpdate>());
    assert_eq!(told(person(None), Role::Member), Err(Code::Forbidden));
    assert_eq!(told(key(here, Role::Member, &[]), Role::Owner), Err(Code::Forbidden));
    assert_eq!(told(key(here, Role::Owner, &["organizations:read"]), Role::Owner), Err(Code::InsufficientScope));
}

proptest! {
    #[test]
    fn a_key_never_allows_what_its_principal_may_not(key_role in role(), own in role()) {
        let here = OrganizationId::generate();
        let authority = || Some(Authority::of_role(None, own));
        let through_key = ask::<OrganizationUpdate>(key(here, key_role, &[]), here, authority()).is_ok();
        let in_person = ask::<OrganizationUpdate>(person(None), here, authority()).is_ok();
        prop_assert!(!through_key || in_person);
        prop_assert_eq!(through_key, own.min(key_role) >= Role::Admin);
    }

    #[test]
    fn a_higher_role_never_may_less(lower in role(), higher in role()) {
        prop_assume!(lower <= higher);
        let here = OrganizationId::generate();
        let may = |role| ask::<OrganizationUpdate>(person(None), here, Some(Authority::of_role(None, role))).is_ok();
        prop_assert!(!may(lower) || may(higher));
    }
}
