//! `/metrics`.

use crate::support::{Site, new_email};

on_both!(requests_are_counted_by_route, others_than_this_machine_are_turned_away, with_a_token_it_takes_the_token,);

fn requests_are_counted_by_route(site: &Site) {
    let server = site.serve();
    let client = server.client();
    client.sign_up(&new_email());
    assert_eq!(client.get("/v1/organizations/550e8400-e29b-41d4-a716-446655440000").status, 401);
    let shown = client.get("/metrics");
    assert_eq!(shown.status, 200);
    assert!(shown.header("content-type").unwrap().starts_with("text/plain"));
    let line = |labels: [&str; 3]| {
        let name = "fabric_http_request_duration_seconds_count{";
        let found =
            shown.body.lines().find(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
        found.unwrap_or_else(|| panic!("no {labels:?} in:\n{}", shown.body)).to_owned()
    };
    let signed_up = line([r#"method="POST""#, r#"route="/v1/auth/signup""#, r#"status="2xx""#]);
    assert!(signed_up.ends_with(" 1"), "{signed_up}");
    line([r#"method="GET""#, r#"route="/v1/organizations/{organization_id}""#, r#"status="4xx""#]);
    assert!(!shown.body.contains("550e8400"), "an id in a label makes a series of each");
}

fn others_than_this_machine_are_turned_away(site: &Site) {
    let server = site.serve();
    for forwarding in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"] {
        let turned_away = server.client().with(forwarding, "203.0.113.7").get("/metrics");
        assert_eq!((turned_away.status, turned_away.code().as_str()), (401, "unauthorized"), "{forwarding}");
    }
}

fn with_a_token_it_takes_the_token(site: &mut Site) {
    site.set("FABRIC_METRICS_TOKEN", "scrape-me-please");
    let server = site.serve();
    let client = server.client();
    assert_eq!(client.get("/metrics").status, 401);
    assert_eq!(client.bearer("scrape-me").get("/metrics").status, 401);
    assert_eq!(client.bearer("scrape-me-please").get("/metrics").status, 200);
    assert_eq!(client.bearer("scrape-me-please").with("X-Forwarded-For", "203.0.113.7").get("/metrics").status, 200);
}
