//! How often an address may try, counted for all servers together in Redis; while it is away, by each for itself.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Server, Site, client::Answer, redis::Redis, until};

on_both!(
    servers_count_together_and_each_for_itself_while_redis_is_away,
    a_redis_that_hangs_holds_nobody_up,
    a_redis_that_is_none_stops_the_start,
    a_proxy_that_nobody_named_is_told_of_once,
);

fn sign_in(server: &Server) -> Answer {
    let body = json!({ "email": "alice@example.com", "password": "Wrong-password-1" });
    server.client().post("/v1/auth/login", &body)
}

fn remaining(server: &Server) -> u32 {
    sign_in(server).header("ratelimit-remaining").unwrap().parse().unwrap()
}

fn servers_count_together_and_each_for_itself_while_redis_is_away(site: &mut Site) {
    let mut redis = Redis::start();
    site.set("REDIS_URL", &redis.url()).set("FABRIC_LIMIT_SIGN_IN", "6");
    let servers = [site.serve(), site.serve()];
    assert_eq!([0, 1, 0].map(|number| remaining(&servers[number])), [5, 4, 3], "they count together");
    for number in [1, 0, 1] {
        // The lock of the address is another matter.
        assert_ne!(sign_in(&servers[number]).code(), "too_many_requests");
    }
    for server in &servers {
        let refused = sign_in(server);
        assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_requests"));
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=10).contains(&wait), "{wait}");
    }
    // Nobody is refused because it is away, and nobody comes as often as they like.
    redis.kill();
    for server in &servers {
        assert_eq!([0; 6].map(|_| remaining(server)), [5, 4, 3, 2, 1, 0]);
        assert_eq!(sign_in(server).code(), "too_many_requests");
        assert!(server.log().contains("Redis is away"), "{}", server.log());
    }
    redis.resume();
    // What it had counted is gone with it.
    thread::sleep(Duration::from_millis(1_100));
    until("the servers count together again", || {
        let (first, second) = (remaining(&servers[0]), remaining(&servers[1]));
        (second + 1 == first).then_some(())
    });
    for server in servers {
        server.stop();
    }
}

/// It takes connections and says nothing: the kernel answers for it.
fn a_redis_that_hangs_holds_nobody_up(site: &mut Site) {
    let redis = Redis::start();
    site.set("REDIS_URL", &redis.url()).set("FABRIC_LIMIT_SIGN_IN", "6");
    let server = site.serve();
    assert_eq!(remaining(&server), 5);
    redis.hang();
    let begun = Instant::now();
    assert_eq!([0; 6].map(|_| remaining(&server)), [5, 4, 3, 2, 1, 0], "it counts for itself");
    assert_eq!(sign_in(&server).code(), "too_many_requests");
    // A tenth of a second is waited for an answer, and that once in a second.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(server.log().contains("Redis is away"), "{}", server.log());
    server.stop();
}

fn a_redis_that_is_none_stops_the_start(site: &mut Site) {
    site.set("REDIS_URL", "http://127.0.0.1:6379");
    let refused = site.refuse();
    assert!(refused.stderr.contains("REDIS_URL"), "{}", refused.stderr);
    site.unset("REDIS_URL").set("FABRIC_TRUSTED_PROXIES", "somewhere");
    let refused = site.refuse();
    assert!(refused.stderr.contains("FABRIC_TRUSTED_PROXIES"), "{}", refused.stderr);
}

fn a_proxy_that_nobody_named_is_told_of_once(site: &mut Site) {
    const SAID: &str = "not named in FABRIC_TRUSTED_PROXIES";

    let server = site.serve();
    let behind = || server.client().with("X-Forwarded-For", "192.0.2.1").get("/v1/me").status;
    assert_eq!(server.client().get("/v1/me").status, 401);
    assert!(!server.log().contains(SAID));
    assert_eq!([behind(), behind()], [401, 401]);
    until("it is said", || server.log().contains(SAID).then_some(()));
    assert_eq!(server.log().matches(SAID).count(), 1);
    server.stop();
    let named = site.set("FABRIC_TRUSTED_PROXIES", "127.0.0.1").serve();
    assert_eq!(named.client().with("X-Forwarded-For", "192.0.2.1").get("/v1/me").status, 401);
    assert!(!named.log().contains(SAID));
    named.stop();
}
