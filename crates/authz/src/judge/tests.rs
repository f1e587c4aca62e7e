use kernel::{Timestamp, id::PrincipalId};
use proptest::prelude::*;

use super::*;
use crate::{ActionSet, KeyScopes, ResourcePattern, RoleName};

mod handing_on;

/// What a decision may depend on, small enough that everything meets everything.
const ACTIONS: [&str; 6] =
    ["organization.update", "team.create", "team.read", "member.remove", "workflow.run.execute", "invoice.approve"];
const PATTERNS: [&str; 7] =
    ["*", "organization.update", "team.*", "team.read", "member.remove", "workflow.*", "invoice.approve"];
const RESOURCES: [&str; 4] = ["team:a", "team:b", "workflow:research/x", "workflow:other"];
const RESOURCE_PATTERNS: [&str; 4] = ["team:a", "team:*", "workflow:research/*", "workflow:other"];

fn here() -> OrganizationId {
    OrganizationId(uuid::Uuid::from_u128(7))
}

fn teams() -> [TeamId; 2] {
    [1, 2].map(|number| TeamId(uuid::Uuid::from_u128(number)))
}

fn grant(effect: Effect, action: &str, resource: Option<&str>, team: Option<TeamId>) -> Grant {
    Grant {
        id: GrantId::generate(),
        organization: here(),
        team,
        principal: PrincipalId(uuid::Uuid::from_u128(9)),
        effect,
        action: ActionPattern::parse(action, None).unwrap(),
        resource: resource.map(|resource| ResourcePattern::from(Resource::parse(resource).unwrap())),
        created_at: Timestamp::from_unix_seconds(0).unwrap(),
    }
}

fn custom(actions: &[&str]) -> Arc<CustomRole> {
    let at = Timestamp::from_unix_seconds(0).unwrap();
    Arc::new(CustomRole {
        id: RoleId::generate(),
        organization: here(),
        name: RoleName::parse("own").unwrap(),
        description: None,
        actions: ActionSet::parse(actions.iter().copied()).unwrap(),
        created_at: at,
        updated_at: at,
    })
}

fn key(role: Option<Role>, scopes: &[&str]) -> KeyGrant {
    let scopes = KeyScopes::parse(scopes.iter().copied()).unwrap();
    KeyGrant { role, scopes, ..KeyGrant::new(here()) }
}

fn of_role(role: Role) -> Authority {
    Authority::of_role(None, role)
}

fn may(authority: &Authority, question: &Question) -> bool {
    judge(authority, here(), None, question).is_allowed()
}

fn pattern_of(text: &str) -> ActionPattern {
    ActionPattern::parse(text, None).unwrap()
}

fn action(name: &str) -> Question {
    Question::new(name, None)
}

fn roles() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn maybe_team() -> impl Strategy<Value = Option<TeamId>> {
    prop::option::of(prop::sample::select(teams().to_vec()))
}

fn maybe_customs() -> impl Strategy<Value = Option<Vec<&'static str>>> {
    prop::option::of(prop::collection::vec(prop::sample::select(PATTERNS.to_vec()), 0..3))
}

prop_compose! {
    fn grants()(
        effect in prop::sample::select(Effect::ALL.to_vec()),
        action in prop::sample::select(PATTERNS.to_vec()),
        resource in prop::option::of(prop::sample::select(RESOURCE_PATTERNS.to_vec())),
        team in maybe_team(),
    ) -> Grant {
        grant(effect, action, resource, team)
    }
}

prop_compose! {
    fn authorities()(
        role in prop::option::of(roles()),
        own in maybe_customs(),
        teams in prop::collection::vec((prop::sample::select(teams().to_vec()), roles(), maybe_customs()), 0..3),
        grants in prop::collection::vec(grants(), 0..4),
        archived in prop::bool::weighted(0.2),
    ) -> Authority {
        let member = role.map(|role| Member { role, custom: own.as_deref().map(custom) });
        let is_member = member.is_some();
        let mut authority = Authority { archived, member, grants, ..Authority::default() };
        for (team, role, own) in teams.into_iter().filter(|_| is_member) {
            authority.join(team, role, own.as_deref().map(custom));
        }
        authority
    }
}

prop_compose! {
    fn questions()(
        action in prop::sample::select([&ACTIONS[..], &["owner", "viewer", "nonsense"][..]].concat()),
        resource in prop::option::of(prop::sample::select(RESOURCES.to_vec())),
        team in maybe_team(),
    ) -> Question {
        Question::new(action, resource.map(|resource| Resource::parse(resource).unwrap())).within(team)
    }
}

prop_compose! {
    fn keys()(
        role in prop::option::of(roles()),
        scopes in prop::collection::vec(
            prop::sample::select(vec!["organizations:write", "members:read", "members:write", "workflows:write"]), 0..3),
    ) -> KeyGrant {
        key(role, &scopes)
    }
}

proptest! {
    #[test]
    fn deny_beats_allow(authority in authorities(), question in questions()) {
        let denied = authority.grants.iter().any(|grant| grant.effect == Effect::Deny && grant.matches(&question));
        prop_assert!(!denied || !may(&authority, &question));
    }

    #[test]
    fn a_higher_role_takes_nothing_away(
        authority in authorities(),
        question in questions(),
        role in roles(),
        team in maybe_team(),
        key in prop::option::of(keys()),
    ) {
        let asked = |authority: &Authority| judge(authority, here(), key.as_ref(), &question).is_allowed();
        let mut raised = authority.clone();
        match team {
            Some(team) => raised.teams.push((team, role)),
            None => {
                let custom = raised.member.as_ref().and_then(|member| member.custom.clone());
                let role = raised.member.as_ref().map_or(role, |member| member.role.max(role));
                raised.member = Some(Member { role, custom });
            }
        }
        prop_assert!(!asked(&authority) || asked(&raised));
    }

    #[test]
    fn an_own_role_takes_nothing_away(
        authority in authorities(),
        question in questions(),
        own in prop::collection::vec(prop::sample::select(PATTERNS.to_vec()), 0..3),
        team in maybe_team(),
        key in prop::option::of(keys()),
    ) {
        let asked = |authority: &Authority| judge(authority, here(), key.as_ref(), &question).is_allowed();
        let mut given = authority.clone();
        match team {
            Some(team) => given.join(team, Role::Viewer, Some(custom(&own))),
            None => {
                // The one before would be replaced: it is kept, as a part of the other.
                let before = given.member.take();
                let role = before.as_ref().map_or(Role::Viewer, |member| member.role);
                let mut both = own.clone();
                let kept = before.and_then(|member| member.custom);
                both.extend(kept.iter().flat_map(|role| role.actions.iter()).map(ActionPattern::as_str));
                given.member = Some(Member { role, custom: Some(custom(&both)) });
            }
        }
        prop_assert!(!asked(&authority) || asked(&given));
    }

    #[test]
    fn an_allowing_grant_takes_nothing_away(authority in authorities(), question in questions(), more in grants()) {
        prop_assume!(more.effect == Effect::Allow);
        let mut granted = authority.clone();
        granted.grants.push(more);
        prop_assert!(!may(&authority, &question) || may(&granted, &question));
    }

    #[test]
    fn a_denying_grant_gives_nothing(authority in authorities(), question in questions(), more in grants()) {
        prop_assume!(more.effect == Effect::Deny);
        let mut denied = authority.clone();
        denied.grants.push(more);
        prop_assert!(!may(&denied, &question) || may(&authority, &question));
    }

    /// So nobody reads them for what is about the organization as a whole.
    #[test]
    fn roles_in_teams_change_nothing_outside_of_them(
        authority in authorities(),
        question in questions(),
        key in prop::option::of(keys()),
    ) {
        let question = question.within(None);
        let without = Authority { teams: Vec::new(), team_customs: Vec::new(), ..authority.clone() };
        let asked = |authority| judge(authority, here(), key.as_ref(), &question);
        prop_assert_eq!(asked(&authority), asked(&without));
    }

    #[test]
    fn a_key_never_allows_what_its_principal_may_not(
        authority in authorities(),
        question in questions(),
        key in keys(),
    ) {
        prop_assert!(!judge(&authority, here(), Some(&key), &question).is_allowed() || may(&authority, &question));
    }

    #[test]
    fn scopes_and_a_lower_role_only_take_away(
        authority in authorities(),
        question in questions(),
        narrow in keys(),
    ) {
        let wide = key(None, &[]);
        let through = |key: &KeyGrant| judge(&authority, here(), Some(key), &question).is_allowed();
        prop_assert!(!through(&narrow) || through(&wide));
        prop_assert_eq!(through(&wide), may(&authority, &question));
    }

    #[test]
    fn order_and_repetition_of_grants_do_not_matter(authority in authorities(), question in questions()) {
        let mut other = authority.clone();
        other.grants.reverse();
        other.grants.extend(authority.grants.clone());
        prop_assert_eq!(may(&authority, &question), may(&other, &question));
    }

    /// What another organization, team or action was granted has no say.
    #[test]
    fn a_decision_depends_on_nothing_outside_its_arguments(
        authority in authorities(),
        question in questions(),
        key in prop::option::of(keys()),
    ) {
        let ask = || judge(&authority, here(), key.as_ref(), &question);
        prop_assert_eq!(ask(), ask());
        let mut without = authority.clone();
        without.grants.retain(|grant| grant.matches(&question));
        if authority.member.is_some() || !without.grants.is_empty() {
            prop_assert_eq!(ask().is_allowed(), judge(&without, here(), key.as_ref(), &question).is_allowed());
        }
    }

    #[test]
    fn nobody_hands_on_what_they_may_not_do(
        authority in authorities(),
        pattern in prop::sample::select(PATTERNS.to_vec()),
        team in maybe_team(),
        key in prop::option::of(keys()),
    ) {
        let pattern = ActionPattern::parse(pattern, None).unwrap();
        if may_hand_on(&authority, here(), team, key.as_ref(), &pattern) {
            let meant = |entry: &&&action::Entry| pattern.matches(entry.name) && !entry.is_about_the_platform();
            for entry in action::ALL.iter().filter(meant) {
                let question = action(entry.name).within(team);
                prop_assert!(judge(&authority, here(), key.as_ref(), &question).is_allowed(), "{}", entry.name);
            }
        }
    }
}

#[test]
fn a_role_has_the_actions_from_its_own_on() {
    for entry in action::ALL {
        for role in Role::ALL {
            let has = role >= entry.least && !entry.is_about_the_platform();
            assert_eq!(may(&of_role(role), &action(entry.name)), has, "{} {role}", entry.name);
        }
    }
}

#[test]
fn a_verb_and_a_kind_are_an_action_and_a_role_is_asked_for_by_name() {
    let team = Resource::parse("team:a").unwrap();
    let read = Question::new("read", Some(team.clone()));
    assert_eq!(read, Question::new("team.read", Some(team.clone())));
    assert!(may(&of_role(Role::Viewer), &read));
    for (role, asked, answer) in [
        (Role::Admin, "admin", true),
        (Role::Admin, "member", true),
        (Role::Admin, "owner", false),
        (Role::Owner, "owner", true),
    ] {
        assert_eq!(may(&of_role(role), &Question::new(asked, Some(team.clone()))), answer, "{role} {asked}");
        assert_eq!(may(&of_role(role), &Question::new(asked, None)), answer, "{role} {asked}");
    }
}

#[test]
fn what_is_archived_is_read_and_brought_back_and_not_changed() {
    let archived = Authority { archived: true, ..of_role(Role::Owner) };
    let ask = |name: &str| judge(&archived, here(), None, &action(name));
    for name in ["organization.read", "member.read", "organization.archive", "member.leave", "authz.check"] {
        assert!(ask(name).is_allowed(), "{name}");
    }
    for name in ["organization.update", "team.create", "member.remove", "app.update", "permission.manage"] {
        assert_eq!(ask(name), Verdict::Refused(Refusal::Archived), "{name}");
    }
}

#[test]
fn a_role_of_a_team_counts_in_that_team() {
    let [mine, other] = teams();
    let authority = Authority { teams: vec![(mine, Role::Admin)], ..of_role(Role::Viewer) };
    let update = |team| judge(&authority, here(), None, &action("team.update").within(team));
    assert_eq!(update(Some(mine)), Verdict::Allowed(Reason::Role(Role::Admin, Some(mine))));
    assert_eq!(update(Some(other)), Verdict::Refused(Refusal::Role(Role::Admin)));
    assert_eq!(update(None), Verdict::Refused(Refusal::Role(Role::Admin)));
    // The highest across both counts.
    let owner = Authority { teams: vec![(mine, Role::Viewer)], ..of_role(Role::Owner) };
    assert_eq!(owner.role(Some(mine)), Some((Role::Owner, None)));
}

#[test]
fn an_own_role_of_a_team_counts_in_that_team() {
    let [mine, other] = teams();
    let own = custom(&["team.update", "invoice.approve"]);
    let mut authority = of_role(Role::Viewer);
    authority.join(mine, Role::Viewer, Some(Arc::clone(&own)));
    for name in ["team.update", "invoice.approve"] {
        let ask = |team| judge(&authority, here(), None, &action(name).within(team));
        assert_eq!(ask(Some(mine)), Verdict::Allowed(Reason::CustomRole(Held { role: own.id, team: Some(mine) })));
        assert!(!ask(Some(other)).is_allowed() && !ask(None).is_allowed());
    }
    let denied = Authority { grants: vec![grant(Effect::Deny, "team.*", None, Some(mine))], ..authority };
    assert!(!may(&denied, &action("team.update").within(Some(mine))));
}

#[test]
fn nothing_gives_what_fabric_does_not_know_but_a_grant_or_an_own_role() {
    let unknown = action("invoice.approve");
    assert_eq!(judge(&of_role(Role::Owner), here(), None, &unknown), Verdict::Refused(Refusal::Nothing));
    let granted = Authority { grants: vec![grant(Effect::Allow, "invoice.*", None, None)], ..of_role(Role::Viewer) };
    assert!(may(&granted, &unknown));
    let member = Some(Member { role: Role::Viewer, custom: Some(custom(&["invoice.approve"])) });
    assert!(may(&Authority { member, ..Authority::default() }, &unknown));
}

#[test]
fn a_stranger_with_a_grant_may_what_it_says_and_nothing_else() {
    let stranger =
        Authority { grants: vec![grant(Effect::Allow, "team.read", Some("team:a"), None)], ..Authority::default() };
    let read = |id: &str| judge(&stranger, here(), None, &Question::new("read", Some(Resource::parse(id).unwrap())));
    assert!(read("team:a").is_allowed());
    assert_eq!(read("team:b"), Verdict::Refused(Refusal::Stranger));
    assert_eq!(judge(&Authority::default(), here(), None, &action("team.read")), Verdict::Refused(Refusal::Stranger));
}

#[test]
fn a_key_without_the_scope_may_not_whatever_its_role() {
    let ask =
        |scopes: &[&str], name: &str| judge(&of_role(Role::Owner), here(), Some(&key(None, scopes)), &action(name));
    assert!(ask(&[], "team.create").is_allowed() && ask(&["members:write"], "team.create").is_allowed());
    assert_eq!(ask(&["members:read"], "team.create"), Verdict::Refused(Refusal::Scope(Some(KeyScope::MembersWrite))));
    assert_eq!(ask(&["members:read"], "owner"), Verdict::Refused(Refusal::Scope(None)));
    let elsewhere = KeyGrant { organization: OrganizationId::generate(), ..key(None, &[]) };
    let told = judge(&of_role(Role::Owner), here(), Some(&elsewhere), &action("team.read"));
    assert_eq!(told, Verdict::Refused(Refusal::Stranger));
}
