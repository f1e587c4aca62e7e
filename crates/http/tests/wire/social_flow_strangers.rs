//! Sign-in at another provider, where Fabric itself goes there: who comes with an address that is not proven to be theirs.

use identity::FormerAddress;
use kernel::{Email, id::FormerAddressId};
use serde_json::{Value, json};

use crate::support::{App, CLIENT_SECRET, Person, Provider, World};

on_both!(
    attack_24_a_stranger_is_not_told_whose_address_it_is,
    attack_24_an_address_of_a_strangers_tenant_takes_no_account_over,
    a_proven_address_that_is_kept_for_who_left_it_uses_the_code_up,
);

async fn place(world: &World) -> (World, App, Provider) {
    let (world, provider) = (world.with_providers().await, Provider::new());
    let app = world.app_with_pages("shop").await;
    world.name_issuer(&app, "acme", &provider).await;
    (world, app, provider)
}

fn stranger(name: &str) -> Value {
    json!({ "sub": format!("{name}-there"), "email": format!("{name}@example.com"), "email_verified": false })
}

/// Keeps an address for somebody who has left it.
async fn keep(world: &World, app: &App, whose: &Person, email: &str) {
    let (app, principal, email, now) = (app.id, whose.id, Email::parse(email).unwrap(), world.now());
    let keep = world.write(move |tx| {
        let account = tx.account_of(Some(app), principal)?.unwrap().id;
        tx.keep_former_address(&FormerAddress {
            id: FormerAddressId::generate(),
            app: Some(app),
            account,
            email: email.clone(),
            expires_at: now.after(std::time::Duration::from_hours(1)),
        })
    });
    keep.await;
}

async fn attack_24_a_stranger_is_not_told_whose_address_it_is(world: &World) {
    let (world, app, provider) = &place(world).await;
    let alice = world.sign_up(Some(app), "alice").await;
    keep(world, app, &alice, "former@example.com").await;
    let told = async |name: &str| {
        let answer = world.sign_in_at(app, provider, &stranger(name)).await;
        (answer.status, answer.code().to_owned(), answer.body["error"]["message"].clone())
    };
    let taken = told("alice").await;
    assert_eq!((taken.0, taken.1.as_str()), (403, "email_not_verified"));
    assert_eq!(told("former").await, taken, "one that is kept for who left it");
    // Where nobody gets in with an address that is not proven, and where strangers do not sign up, all are alike.
    for shut in [json!({ "require_verified_email": true }), json!({ "open_sign_up": false })] {
        world.configure(app, &json!({ "require_verified_email": false, "open_sign_up": true })).await;
        world.configure(app, &shut).await;
        for name in ["alice", "former", "nobody"] {
            assert_eq!(told(name).await, taken, "{name}: {shut}");
        }
    }
    // Whoever owns the address is told what is so.
    let said = json!({ "sub": "bob-there", "email": "bob@example.com" });
    world.sign_in_at(app, provider, &said).await.refused(403, "sign_up_closed");
    assert_eq!(world.number("SELECT count(*) FROM links"), 0);
}

/// nOAuth: in a tenant of their own, anybody writes whatever address they like.
async fn attack_24_an_address_of_a_strangers_tenant_takes_no_account_over(world: &World) {
    const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
    const OTHER: &str = "9eaef023-2b34-4da1-9baa-8bc8c9d6a490";
    let (world, app, provider) = &place(world).await;
    let server = provider.issuer();
    let issuer = |tenant: &str| format!("{server}/{tenant}/v2.0");
    provider.declares(json!({ "issuer": issuer("{tenantid}") }));
    let body =
        json!({ "kind": "microsoft", "base_url": server, "client_id": "client", "client_secret": CLIENT_SECRET });
    world.name_provider(app, "microsoft", &body).await.ok();
    let alice = world.sign_up(Some(app), "alice").await;
    let come = async |said: &Value| {
        let trip = world.away(Some(app), "microsoft").await;
        let mut claims = json!({ "iss": issuer(TENANT), "tid": TENANT, "email_verified": null });
        claims.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        provider.identifies(&trip, &claims);
        world.come_back(&trip).await
    };
    for said in [json!({}), json!({ "email_verified": true }), json!({ "xms_edov": false }), json!({ "xms_edov": "0" })]
    {
        let code = come(&said).await.code();
        world.redeem(Some(app), &code).await.refused(403, "email_not_verified");
    }
    world.get("/v1/me").by(&alice).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM links"), 0);
    // A token says of which tenant it is, and is of no other.
    for said in [
        json!({ "tid": OTHER }),
        json!({ "tid": null }),
        json!({ "iss": issuer(OTHER) }),
        json!({ "iss": issuer("{tenantid}"), "tid": "{tenantid}" }),
        json!({ "iss": issuer("common"), "tid": "common" }),
    ] {
        assert_eq!(come(&said).await.told_app(), "access_denied", "{said}");
    }
    // Whose domain was shown to be the tenant's is believed.
    let code = come(&json!({ "xms_edov": true })).await.code();
    assert_eq!(Person::of(&world.redeem(Some(app), &code).await).id, alice.id);
}

async fn a_proven_address_that_is_kept_for_who_left_it_uses_the_code_up(world: &World) {
    let (world, app, provider) = &place(world).await;
    let alice = world.sign_up(Some(app), "alice").await;
    keep(world, app, &alice, "former@example.com").await;
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({ "sub": "bob-there", "email": "former@example.com" }));
    let code = world.come_back(&trip).await.code();
    world.redeem(Some(app), &code).await.refused(409, "email_taken");
    world.redeem(Some(app), &code).await.refused(400, "invalid_grant");
    assert_eq!(world.number("SELECT count(*) FROM social_flows"), 0);
}
