//! Attack 11: many invite at once where few may.

use futures_util::future::join_all;
use kernel::Role;
use serde_json::json;

use crate::support::{Answer, Company, World};

on_both!(
    attack_11_of_many_who_are_invited_at_once_as_many_wait_as_may,
    attack_11_of_many_mails_at_once_as_many_go_out_as_may,
    attack_11_of_those_who_invite_one_address_at_once_one_does,
);

/// Invites these at the same moment, the owner and an admin by turns.
async fn invite(world: &World, company: &Company, names: impl Iterator<Item = String>) -> Vec<Answer> {
    let path = company.path("invitations");
    let calls = names.enumerate().map(|(number, name)| {
        let body = json!({ "email": format!("{name}@example.com"), "role": "member" });
        let by = if number % 2 == 0 { &company.owner } else { &company.admin };
        world.post(&path, &body).by(by).send()
    });
    join_all(calls).await
}

/// Of fifty different ones, five are invited and get a mail: in one organization after the other.
async fn five_of_fifty(world: &World, settings: &serde_json::Value) {
    let mut company = Company::new(world).await;
    world.mails().await;
    for round in 1..=4 {
        let made = world.post("/v1/organizations", &json!({ "name": "Acme" })).by(&company.owner).send().await;
        company.id = made.text("id").parse().unwrap();
        world.enroll(company.id, &company.admin, Role::Admin).await;
        world.patch(&company.path("settings"), settings).by(&company.owner).send().await.ok();
        let answers = invite(world, &company, (0..50).map(|number| format!("newcomer-{number}"))).await;
        let (invited, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(invited.len(), 5, "{answers:?}");
        for answer in refused {
            answer.refused(429, "invitation_limit_reached");
        }
        let listed = world.get(&company.path("invitations?include_total=true")).by(&company.owner).send().await;
        assert_eq!(listed.body["meta"]["pagination"]["total"], 5);
        assert_eq!((world.mails().await.len(), world.events("invitation.created")), (5, round * 5));
    }
}

async fn attack_11_of_many_who_are_invited_at_once_as_many_wait_as_may(world: &World) {
    five_of_fifty(world, &json!({ "max_pending_invitations": 5, "max_invitations_per_hour": 100 })).await;
}

async fn attack_11_of_many_mails_at_once_as_many_go_out_as_may(world: &World) {
    five_of_fifty(world, &json!({ "max_pending_invitations": 100, "max_invitations_per_hour": 5 })).await;
}

async fn attack_11_of_those_who_invite_one_address_at_once_one_does(world: &World) {
    let company = Company::new(world).await;
    let settings = json!({ "max_pending_invitations": 100, "max_invitations_per_hour": 100 });
    world.patch(&company.path("settings"), &settings).by(&company.owner).send().await.ok();
    world.mails().await;
    for round in 0..20 {
        // However it is spelled.
        let names = (0..10).map(|number| if number % 3 == 0 { format!("New-{round}") } else { format!("new-{round}") });
        let answers = invite(world, &company, names).await;
        let (invited, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(invited.len(), 1, "{answers:?}");
        for answer in refused {
            answer.refused(409, "duplicate_invitation");
        }
        assert_eq!(world.mails().await.len(), 1);
    }
    assert_eq!(world.events("invitation.created"), 20);
}
