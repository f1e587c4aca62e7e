//! Who hears of a link: the person by mail, and the app that asked to know by webhook, the same one.

use std::fs;

use serde_json::{Value, json};
use testbed::sink::Sink;

use crate::support::{Mailbox, Site, client::text, new_email, until};

on_both!(a_link_goes_out_by_mail_and_to_the_apps_own_endpoint);

fn a_link_goes_out_by_mail_and_to_the_apps_own_endpoint(site: &mut Site) {
    let (mailbox, sink) = (Mailbox::open(site), Sink::content());
    let setup = ["setup", "--app-name", "My App", "--email", "dev@myapp.com", "--password", "SecureP@ss1"];
    let made = site.run(&[&setup[..], &["--webhook-url", &sink.url(), "--json"]].concat()).json();
    let server = site.serve();
    let client = server.client().app(&text(&made["app"]["client_id"]));
    let email = new_email();
    client.sign_up(&email);

    let told = until("the endpoint is told", || {
        let kind = |body: &Value| body["kind"] == "auth.email_verification_required";
        sink.received().iter().map(|received| serde_json::from_str(&received.body).unwrap()).find(kind)
    });
    let payload = &told["payload"];
    assert_eq!(payload["email"], json!(email));
    let (token, url) = (text(&payload["verify_token"]), text(&payload["verify_url"]));
    assert!(url.contains(&token), "{url}");
    let mailed = || fs::read_to_string(mailbox.path()).unwrap();
    let letter = until("the mail arrives", || {
        mailed().lines().find(|line| line.contains(&email) && line.contains(&token)).map(str::to_owned)
    });
    let letter: Value = serde_json::from_str(&letter).unwrap();
    assert_eq!(letter["recipients"], json!([email]));
    // Whoever comes first uses it up.
    assert_eq!(client.post("/v1/auth/verify", &json!({ "token": token })).status, 200);
    assert_ne!(client.post("/v1/auth/verify", &json!({ "token": token })).status, 200);
    server.stop();
}
