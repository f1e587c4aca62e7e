//! Sign-in at another provider, where Fabric goes there: at one that others have written and published.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{PASSWORD, PATIENCE, Site, client::text, process};

on_both!(people_sign_in_at_a_provider_that_others_have_written, one_that_is_half_configured_stops_the_start);

fn people_sign_in_at_a_provider_that_others_have_written(site: &mut Site) {
    // Then it names the address that it has: people come back there.
    site.unset("PUBLIC_BASE_URL");
    let setup = ["setup", "--app-name", "Shop", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let made = site.run(&setup).json();
    // The platform's own provider. The server is told of it before it is there: until then its port is kept. The story
    // sees these settings as well.
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    site.set("FABRIC_OIDC_ISSUER", &format!("http://{}", port.local_addr().unwrap()))
        .set("FABRIC_OIDC_CLIENT_ID", "fabric")
        .set("FABRIC_OIDC_CLIENT_SECRET", "a client secret: it's 100% odd & long")
        .set("AUTH_CALLBACK_REDIRECT_URL", "https://console.example/back");
    let server = site.serve();
    let told = json!({
        "fabric": format!("http://localhost:{}", server.address().rsplit_once(':').unwrap().1),
        "clientId": text(&made["app"]["client_id"]),
        "appId": text(&made["app"]["id"]),
        "apiKey": text(&made["api_key"]),
        "password": PASSWORD,
    });
    let modules = std::env::var_os("FABRIC_TEST_NODE_MODULES").unwrap_or_else(|| {
        panic!("FABRIC_TEST_NODE_MODULES is not set: run `cargo xtask test`, or name one with oidc-provider in it.")
    });
    // A module finds others beside itself alone.
    symlink(PathBuf::from(modules), site.file("node_modules")).unwrap();
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/social/story.mjs");
    fs::copy(story, site.file("story.mjs")).unwrap();
    site.write("told.json", &told.to_string());
    let mut node = site.program("node");
    node.arg(site.file("story.mjs")).arg(site.file("told.json"));
    drop(port);
    let done = process::finish(&mut node, "", PATIENCE);
    assert_eq!(done.code, 0, "{}{}\n{}", done.stdout, done.stderr, server.log());
    for told in ["alice@example.com", "client secret", "?code=", "&code=", "id_token"] {
        assert!(!server.log().contains(told), "{told}: {}", server.log());
    }
    // What came to nothing is counted, whosever fault it was: a code that was shown twice, and somebody who thought better
    // of it.
    let metrics = server.client().get("/metrics").body;
    for step in ["redemption", "arrival"] {
        let series = format!(r#"fabric_social_failures_total{{step="{step}"}} "#);
        assert!(metrics.contains(&series), "{series} in\n{metrics}");
    }
    assert!(server.log().contains("a sign-in at a provider failed"), "{}", server.log());
    server.stop();
}

fn one_that_is_half_configured_stops_the_start(site: &mut Site) {
    site.set("GOOGLE_CLIENT_ID", "client");
    let refused = site.refuse();
    assert!(refused.stderr.contains("GOOGLE_CLIENT_SECRET"), "{}", refused.stderr);
    site.set("GOOGLE_CLIENT_SECRET", "secret").set("FABRIC_OIDC_ISSUER", "https://id.example.com");
    let refused = site.refuse();
    assert!(refused.stderr.contains("FABRIC_OIDC_CLIENT_ID"), "{}", refused.stderr);
    site.set("FABRIC_OIDC_CLIENT_ID", "client").set("FABRIC_OIDC_CLIENT_SECRET", "secret");
    site.serve().stop();
}
