//! How long one decision takes, without HTTP, caches or a database: `cargo run --release -p fabric-authz --example decide`.

use std::{hint::black_box, time::Instant};

use authz::{ActionPattern, Authority, Effect, Grant, Question, Resource, ResourcePattern, judge};
use fabric_authz as authz;
use kernel::{
    Clock as _, Result, Role, SystemClock,
    id::{GrantId, OrganizationId, PrincipalId, TeamId},
};

const TIMES: u32 = 2_000_000;

fn main() -> Result<()> {
    let organization = OrganizationId::generate();
    for grants in [0, 5, 100] {
        let authority = authority(organization, grants)?;
        let team = authority.teams.first().map(|(team, _)| *team);
        let known = Question::new("team.update", Some(Resource::parse("team:0190")?)).within(team);
        let foreign = Question::new("invoice.approve", Some(Resource::parse("invoice:2026/42")?));
        for (name, question) in [("an action of Fabric's", &known), ("an app's own action", &foreign)] {
            let begun = Instant::now();
            for _ in 0..TIMES {
                black_box(judge(black_box(&authority), organization, None, black_box(question)));
            }
            println!("{grants:>3} grants, {name}: {} ns", (begun.elapsed() / TIMES).as_nanos());
        }
    }
    Ok(())
}

/// A member with a role in two teams, and grants that match in nothing but their beginning.
fn authority(organization: OrganizationId, grants: usize) -> Result<Authority> {
    let principal = PrincipalId::generate();
    let grant = |number: usize| {
        Ok(Grant {
            id: GrantId::generate(),
            organization,
            team: None,
            principal,
            effect: if number.is_multiple_of(2) { Effect::Allow } else { Effect::Deny },
            action: ActionPattern::parse("invoice.*", None)?,
            resource: Some(ResourcePattern::from(Resource::parse(&format!("invoice:2025/{number}/*"))?)),
            created_at: SystemClock.now(),
        })
    };
    let teams = vec![(TeamId::generate(), Role::Admin), (TeamId::generate(), Role::Member)];
    let grants = (0..grants).map(grant).collect::<Result<_>>()?;
    Ok(Authority { teams, grants, ..Authority::of_role(None, Role::Member) })
}
