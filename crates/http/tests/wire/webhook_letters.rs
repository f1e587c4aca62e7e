//! Letters about endpoints that were switched off: to whom, and how many.

use std::time::Duration;

use kernel::{Role, id::WebhookId};
use platform::mailer::About;
use serde_json::json;
use webhooks::Endpoint;

use crate::support::{Company, Person, World};

on_both!(
    owners_are_told_of_a_webhook_that_was_switched_off,
    attack_31_an_address_that_nobody_proved_is_not_written_to,
    attack_46_switching_it_on_and_off_sends_no_more_mail,
    who_waits_for_a_link_does_not_wait_for_these,
);

async fn verify(world: &World, company: &Company, person: &Person) {
    let path = format!("/v1/admin/users/{}/verify", person.id);
    world.call("POST", &path).bearer(&company.app.api_key).send().await.ok();
}

/// A company whose owner has a proven address, and nothing is on its way.
async fn company(world: &World) -> Company {
    let company = Company::new(world).await;
    verify(world, &company, &company.owner).await;
    world.mails().await;
    company
}

/// The owner, some days later.
async fn signed_in(world: &World, company: &Company) -> Person {
    world.sign_in(Some(&company.app), "owner").await
}

async fn endpoint(world: &World, company: &Company) -> Endpoint {
    let body = json!({ "url": "https://hooks.example.com:8443/secret/path?key=hush" });
    let made = world.post(&company.path("webhooks"), &body).by(&signed_in(world, company).await).send().await;
    let id: WebhookId = made.text("id").parse().unwrap();
    world.read(move |tx| tx.endpoint(id)).await.expect("the endpoint")
}

/// What is ordered when it is switched off.
async fn order(world: &World, company: &Company, endpoint: &Endpoint) {
    let (id, endpoint, now) = (company.id, endpoint.clone(), world.now());
    world
        .write(move |tx| {
            let organization = tx.organization(id)?.expect("the company");
            platform::order_webhook_disabled_letters(tx, &organization, &endpoint, now)
        })
        .await;
}

async fn owners_are_told_of_a_webhook_that_was_switched_off(world: &World) {
    let company = company(world).await;
    world.enroll(company.id, &company.outsider, Role::Owner).await;
    verify(world, &company, &company.outsider).await;
    order(world, &company, &endpoint(world, &company).await).await;
    let mails = world.mails().await;
    let mut to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    let mut owners = [company.owner.email.as_str(), company.outsider.email.as_str()];
    owners.sort_unstable();
    assert_eq!(to, owners, "owners and nobody else");
    for mail in &mails {
        let About::WebhookDisabled { target, .. } = &mail.letter.about else { panic!("{mail:?}") };
        assert_eq!(target, "https://hooks.example.com:8443");
    }
    // Whoever is none any more when it is written is not told.
    order(world, &company, &endpoint(world, &company).await).await;
    world.expel(company.id, &company.outsider).await;
    let path = format!("/v1/admin/users/{}/disable", company.owner.id);
    world.call("POST", &path).bearer(&company.app.api_key).send().await.ok();
    assert!(world.mails().await.is_empty());
}

async fn attack_31_an_address_that_nobody_proved_is_not_written_to(world: &World) {
    let company = company(world).await;
    // Whoever signs up with a stranger's address gets to write to it once, with a link that proves it.
    world.enroll(company.id, &company.outsider, Role::Owner).await;
    order(world, &company, &endpoint(world, &company).await).await;
    let mails = world.mails().await;
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), [company.owner.email.as_str()]);
}

async fn attack_46_switching_it_on_and_off_sends_no_more_mail(world: &World) {
    let company = company(world).await;
    let one = endpoint(world, &company).await;
    for _ in 0..3 {
        order(world, &company, &one).await;
    }
    assert_eq!(world.mails().await.len(), 1);
    world.advance(Duration::from_hours(23));
    order(world, &company, &one).await;
    assert!(world.mails().await.is_empty());
    world.advance(Duration::from_hours(1));
    order(world, &company, &one).await;
    assert_eq!(world.mails().await.len(), 1);
    // Nor does one endpoint after the other, made and deleted.
    world.advance(Duration::from_hours(24));
    let owner = signed_in(world, &company).await;
    for _ in 0..8 {
        let another = endpoint(world, &company).await;
        order(world, &company, &another).await;
        world.delete(&format!("/v1/webhooks/{}", another.id)).by(&owner).send().await.ok();
    }
    assert_eq!(world.mails().await.len(), 5);
    world.advance(Duration::from_hours(1));
    order(world, &company, &endpoint(world, &company).await).await;
    assert_eq!(world.mails().await.len(), 1);
    world.advance(Duration::from_hours(24));
    world.platform.sweep().await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM webhook_letters"), 0);
}

async fn who_waits_for_a_link_does_not_wait_for_these(world: &World) {
    let company = company(world).await;
    for _ in 0..3 {
        order(world, &company, &endpoint(world, &company).await).await;
    }
    world.advance(Duration::from_secs(1));
    let forgot = json!({ "email": company.member.email });
    world.at_door(Some(&company.app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    let mails = world.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (4, company.member.email.as_str()));
}
