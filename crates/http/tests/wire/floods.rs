//! Attack 32: much at once, and much in one. The server refuses what is too much and goes on.

use std::{num::NonZero, thread, time::Duration};

use futures_util::{
    future::FutureExt as _,
    stream::{FuturesUnordered, StreamExt as _},
};
use identity::password::HashCost;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::{Answer, PASSWORD, World};

on_both!(attack_32_a_flood_of_sign_ins_is_refused_in_part_and_survived, attack_32_a_huge_password_costs_nothing);

/// Tenths of a second, in little memory: a full queue lasts for half a minute, and what comes meanwhile is too much.
const SLOW: HashCost = HashCost { memory_kib: 64, passes: 10_000, lanes: 1 };
/// How many passwords each hashing thread has at most: 128 that wait, and the one that it works on.
const ROOM: usize = 129;
/// How long a story waits for what has to come: much longer than it takes.
const PATIENCE: Duration = Duration::from_mins(1);

async fn attack_32_a_flood_of_sign_ins_is_refused_in_part_and_survived(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    let world = &world.restarted_with(|plan| plan.settings.hash_cost = SLOW).await;
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let names: Vec<_> = (0..2 * ROOM * threads).map(|number| format!("user-{number}")).collect();
    let (mut flood, mut answers) = (FuturesUnordered::new(), Vec::new());
    for (number, name) in names.iter().enumerate() {
        flood.push(world.log_in(None, name, PASSWORD));
        answers.extend(flood.next().now_or_never().flatten());
        // What needs no hash goes on. It stands in the database's queue behind the others, which are out of it by then:
        // so that one never overflows, however many cores there are.
        if number % 100 == 99 {
            world.get("/v1/me").by(&alice).send().await.ok();
        }
    }
    for wanted in [503, 401] {
        while answers.iter().all(|answer: &Answer| answer.status != wanted) {
            answers.push(flood.next().await.unwrap_or_else(|| panic!("nobody is answered {wanted}")));
        }
    }
    for answer in &answers {
        match answer.status {
            401 => assert_eq!(answer.refused(401, "invalid_credentials").header("retry-after"), None),
            // The database would say 1.
            _ => assert_eq!(answer.refused(503, "overloaded").retry_after(), 2),
        }
    }
    // Whoever hangs up is passed over, and there is room for whoever comes back when they were told to.
    drop(flood);
    let come_back = async {
        loop {
            let answer = world.log_in(None, "alice", PASSWORD).await;
            match answer.status {
                503 => sleep(Duration::from_secs(answer.retry_after())).await,
                _ => break answer,
            }
        }
    };
    timeout(PATIENCE, come_back).await.unwrap().ok();
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
