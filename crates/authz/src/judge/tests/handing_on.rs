//! Who gives what to others.

use super::*;

#[test]
fn an_administrator_hands_on_an_apps_own_actions_and_nothing_of_an_owners() {
    let hands_on = |role, pattern: &str| may_hand_on(&of_role(role), here(), None, None, &pattern_of(pattern));
    assert!(hands_on(Role::Admin, "invoice.*") && hands_on(Role::Admin, "team.*"));
    assert!(!hands_on(Role::Admin, "organization.*") && !hands_on(Role::Admin, "*"));
    assert!(hands_on(Role::Owner, "*"));
    assert!(!hands_on(Role::Member, "invoice.approve") && hands_on(Role::Member, "team.read"));
}

#[test]
fn who_invites_into_a_team_may_put_people_there() {
    let [mine, other] = teams();
    let member = Some(Member { role: Role::Viewer, custom: Some(custom(&["organization.invite"])) });
    let mut inviter = Authority { member, ..Authority::default() };
    let vouches = |authority: &Authority, team| vouches_for(authority, here(), team, Role::Viewer, None);
    assert!(vouches(&inviter, None) && !vouches(&inviter, Some(mine)));
    inviter.join(mine, Role::Viewer, Some(custom(&["team.manage_members"])));
    assert!(vouches(&inviter, Some(mine)) && !vouches(&inviter, Some(other)));
    let admin = |grants| Authority { grants, ..of_role(Role::Admin) };
    assert!(vouches(&admin(Vec::new()), Some(mine)));
    let denied = admin(vec![grant(Effect::Deny, "team.manage_members", None, Some(other))]);
    assert!(vouches_for(&denied, here(), Some(mine), Role::Viewer, Some(&custom(&["team.update"]))));
    assert!(!vouches(&denied, Some(other)));
}

#[test]
fn who_runs_a_team_hands_on_there_what_they_may_there() {
    let [mine, other] = teams();
    let mut authority = of_role(Role::Viewer);
    authority.join(mine, Role::Admin, None);
    let hands_on = |team, pattern: &str| may_hand_on(&authority, here(), team, None, &pattern_of(pattern));
    assert!(hands_on(Some(mine), "team.update"));
    assert!(!hands_on(Some(other), "team.update") && !hands_on(None, "team.update"));
    assert!(!hands_on(Some(mine), "organization.archive") && !hands_on(Some(mine), "*"));
    assert!(!hands_on(Some(mine), "invoice.approve"), "an app's own actions are the organization's to hand out");
    authority.join(mine, Role::Viewer, Some(custom(&["invoice.*"])));
    let hands_on = |team| may_hand_on(&authority, here(), team, None, &pattern_of("invoice.approve"));
    assert!(hands_on(Some(mine)) && !hands_on(Some(other)) && !hands_on(None));
}
