//! How often an address may try, counted for all servers together in Redis; while it is away, by each for itself.

use std::{thread, time::Duration};

use serde_json::json;

use crate::support::{Server, Site, client::Answer, redis::Redis, until};

on_both!(servers_count_together_and_each_for_itself_while_redis_is_away, a_redis_that_is_none_stops_the_start,);

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

fn a_redis_that_is_none_stops_the_start(site: &mut Site) {
    site.set("REDIS_URL", "http://127.0.0.1:6379");
    let refused = site.refuse();
    assert!(refused.stderr.contains("REDIS_URL"), "{}", refused.stderr);
    site.unset("REDIS_URL").set("FABRIC_TRUSTED_PROXIES", "somewhere");
    let refused = site.refuse();
    assert!(refused.stderr.contains("FABRIC_TRUSTED_PROXIES"), "{}", refused.stderr);
}
