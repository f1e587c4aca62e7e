//! Attack 32: much at once, and much in one. The server refuses what is too much and goes on.

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::{PASSWORD, World};

on_both!(attack_32_a_flood_of_sign_ins_is_refused_in_part_and_survived, attack_32_a_huge_password_costs_nothing);

async fn attack_32_a_flood_of_sign_ins_is_refused_in_part_and_survived(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    let names: Vec<_> = (0..1000).map(|number| format!("user-{number}")).collect();
    let flood = names.iter().map(|name| world.log_in(None, name, PASSWORD));
    let (answers, meanwhile) = join(join_all(flood), world.get("/v1/me").by(&alice).send()).await;
    meanwhile.ok();
    for answer in &answers {
        match answer.status {
            401 => answer.refused(401, "invalid_credentials"),
            _ => answer.refused(503, "overloaded"),
        };
        assert_eq!(answer.status == 503, answer.header("retry-after").is_some());
    }
    world.log_in(None, "alice", PASSWORD).await.ok();
}

async fn attack_32_a_huge_password_costs_nothing(world: &World) {
    world.sign_up(None, "alice").await;
    let before = world.units();
    for size in [1025, 10_000, 200_000] {
        let password = format!("Aa1!{}", "x".repeat(size));
        let body = json!({ "email": "alice@example.com", "password": password });
        for path in ["/v1/auth/login", "/v1/auth/signup"] {
            world.post(path, &body).send().await.refused(400, "password_too_long");
        }
        let reset = json!({ "token": "x", "new_password": password });
        world.post("/v1/auth/reset-password", &reset).send().await.refused(400, "password_too_long");
    }
    let body = json!({ "email": "alice@example.com", "password": "x".repeat(1 << 20) });
    for path in ["/v1/auth/login", "/v1/auth/signup", "/v1/auth/reset-password", "/v1/auth/verify"] {
        world.post(path, &body).send().await.refused(413, "body_too_large");
    }
    assert_eq!(world.units(), before, "the database heard nothing of it");
    world.log_in(None, "alice", PASSWORD).await.ok();
}
