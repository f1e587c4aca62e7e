//! Whether receivers can tell what came from Fabric: with the verifiers that others publish, and with the samples of the
//! guide, on deliveries that the binary has made.

#[path = "../../../../docs/samples/verify.rs"]
mod sample;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use testbed::sink::{Received, Sink};

use crate::support::{Client, PATIENCE, Site, client::text, new_email, process, until};

on_both!(
    verifiers_in_python_and_node_take_what_arrives,
    attack_47_verifiers_refuse_what_is_old_forged_or_by_a_dead_secret,
    the_samples_of_the_guide_do_as_well,
);

fn verifiers_in_python_and_node_take_what_arrives(site: &Site) {
    let file = deliveries(site);
    run(python(site, "accept", &file));
    run(node(site, "accept", &file));
}

/// Attack 47: a delivery that was recorded is sent once more, as it was or as if it were new; by a secret that is dead.
fn attack_47_verifiers_refuse_what_is_old_forged_or_by_a_dead_secret(site: &Site) {
    let file = deliveries(site);
    run(python(site, "attack", &file));
    run(node(site, "attack", &file));
}

/// Those in Python and TypeScript are run by the scripts, beside the verifiers.
fn the_samples_of_the_guide_do_as_well(site: &Site) {
    let deliveries: Value = serde_json::from_str(&fs::read_to_string(deliveries(site)).unwrap()).unwrap();
    for delivery in deliveries.as_array().unwrap() {
        let body = text(&delivery["body"]);
        let header = |name: &str| text(&delivery["headers"][name]);
        let [id, sent, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
        let is_new = |body: &str, sent: &str, secret: &str| {
            sample::is_genuine_and_new(body.as_bytes(), &id, sent, &signatures, secret)
        };
        let forged = body.replacen('{', "[", 1);
        for (name, secret) in [("x-fabric-signature", "secret"), ("x-fabric-signature-previous", "previous")] {
            let Some(secret) = delivery[secret].as_str() else { continue };
            assert!(sample::is_genuine(body.as_bytes(), &header(name), secret));
            assert!(!sample::is_genuine(forged.as_bytes(), &header(name), secret));
            assert!(is_new(&body, &sent, secret));
            assert!(!is_new(&forged, &sent, secret) && !is_new(&body, "1614265330", secret));
        }
        for secret in delivery["dead"].as_array().unwrap() {
            let secret = text(secret);
            assert!(!sample::is_genuine(body.as_bytes(), &header("x-fabric-signature"), &secret));
            assert!(!is_new(&body, &sent, &secret));
        }
    }
    // The specification's own example: genuine once, and old by now.
    let [id, sent] = ["msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"];
    let (signature, secret) =
        ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert!(!sample::is_genuine_and_new(br#"{"test": 2432232314}"#, id, sent, signature, secret));
}

#[test]
fn the_guide_shows_the_samples_that_are_tested() {
    let guide = fs::read_to_string(documentation().join("webhooks.md")).unwrap();
    for language in ["py", "ts", "rs", "go"] {
        let sample = fs::read_to_string(samples().join(format!("verify.{language}"))).unwrap();
        assert!(
            guide.contains(&format!("\n{sample}```\n")),
            "docs/samples/verify.{language} is not in docs/webhooks.md"
        );
    }
}

/// A delivery before its endpoint's secret is rotated, one while two secrets count, and one when the first is dead, each
/// with the secrets: a file for the verifiers.
fn deliveries(site: &Site) -> PathBuf {
    let (server, sink) = (site.serve(), Sink::content());
    let client = server.client();
    let client = client.bearer(&text(&client.sign_up(&new_email())["access_token"]));
    let organization = text(&client.get("/v1/organizations").data()[0]["id"]);
    let body = json!({ "url": sink.url(), "events": ["team.*"] });
    let endpoint = client.post(&format!("/v1/organizations/{organization}/webhooks"), &body).data();
    let rotate = |overlap: u32| {
        let path = format!("/v1/webhooks/{}/rotate-secret", text(&endpoint["id"]));
        text(&client.post(&path, &json!({ "overlap_seconds": overlap })).data()["secret"])
    };
    let happens = || next(&client, &organization, &sink);

    let first = text(&endpoint["secret"]);
    let before = happens();
    let second = rotate(3600);
    let meanwhile = happens();
    let third = rotate(1);
    thread::sleep(Duration::from_secs(2));
    let after = happens();
    let deliveries = json!([
        told(&before, &first, None, &[&second, &third]),
        told(&meanwhile, &second, Some(&first), &[&third]),
        told(&after, &third, None, &[&first, &second]),
    ]);
    server.stop();
    let file = site.file("deliveries.json");
    fs::write(&file, deliveries.to_string()).unwrap();
    file
}

/// What arrives when a team is made.
fn next(client: &Client, organization: &str, sink: &Sink) -> Received {
    let name = new_email();
    let (slug, _) = name.split_once('@').unwrap();
    let path = format!("/v1/organizations/{organization}/teams");
    client.post(&path, &json!({ "name": name, "slug": slug })).data();
    until("a delivery", || sink.take().into_iter().find(|received| received.body.contains(&name)))
}

fn told(received: &Received, secret: &str, previous: Option<&str>, dead: &[&str]) -> Value {
    assert_eq!(received.header("x-fabric-signature-previous").is_some(), previous.is_some());
    let headers: serde_json::Map<_, _> =
        received.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({ "body": received.body, "headers": headers, "secret": secret, "previous": previous, "dead": dead })
}

fn python(site: &Site, mode: &str, file: &Path) -> Command {
    let mut command = site.python("verification/receiver.py");
    command.arg(mode).arg(file).env("PYTHONPATH", samples());
    command
}

/// With the sample in TypeScript, checked and compiled.
fn node(site: &Site, mode: &str, file: &Path) -> Command {
    let modules = std::env::var_os("FABRIC_TEST_NODE_MODULES").unwrap_or_else(|| {
        panic!(
            "FABRIC_TEST_NODE_MODULES is not set: run `cargo xtask test`, or name the node_modules of \
             crates/xtask/node/package.json."
        )
    });
    let modules = PathBuf::from(modules);
    let node = || {
        let mut command = site.program("node");
        command.env("NODE_PATH", &modules);
        command
    };
    let mut compiler = node();
    compiler.arg(modules.join("typescript/bin/tsc")).args(["--strict", "--target", "es2022", "--module", "commonjs"]);
    compiler.args(["--types", "node", "--typeRoots"]).arg(modules.join("@types"));
    run({
        compiler.arg("--outDir").arg(site.folder.path()).arg(samples().join("verify.ts"));
        compiler
    });
    let mut command = node();
    command.arg(tests().join("verification/receiver.js")).arg(mode).arg(file).arg(site.file("verify.js"));
    command
}

fn run(mut command: Command) {
    let done = process::finish(&mut command, "", PATIENCE);
    assert_eq!(done.code, 0, "{command:?}:\n{}{}", done.stdout, done.stderr);
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end")
}

fn documentation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn samples() -> PathBuf {
    documentation().join("samples")
}
