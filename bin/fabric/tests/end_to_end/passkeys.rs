//! Passkeys in a real browser, on the page of the guide: Chromium with its virtual authenticator.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{PASSWORD, PATIENCE, Site, client::text, new_email, process};

on_both!(people_sign_in_with_passkeys_in_a_browser);

fn people_sign_in_with_passkeys_in_a_browser(site: &mut Site) {
    let setup = ["setup", "--app-name", "Acme", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let made = site.run(&setup).json();
    let server = site.serve();
    let client_id = text(&made["app"]["client_id"]);
    let email = new_email();
    let person = server.client().app(&client_id).sign_up(&email);
    let told = json!({
        "fabric": format!("http://{}", server.address()),
        "chromium": chromium(),
        "app": { "id": made["app"]["id"], "client_id": client_id, "api_key": made["api_key"] },
        "person": person,
    });
    let folder = site.file("browser");
    fs::create_dir(&folder).unwrap();
    // A module finds others beside itself alone.
    symlink(modules(), folder.join("node_modules")).unwrap();
    for sample in ["passkeys.html", "passkeys.js"] {
        fs::copy(documentation().join("samples").join(sample), folder.join(sample)).unwrap();
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/passkeys");
    fs::copy(tests.join("browser.mjs"), folder.join("browser.mjs")).unwrap();
    fs::write(folder.join("told.json"), told.to_string()).unwrap();
    let mut node = site.program("node");
    node.arg(folder.join("browser.mjs")).arg(folder.join("told.json"));
    let done = process::finish(&mut node, "", PATIENCE);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    server.stop();
}

#[test]
fn the_guide_shows_the_page_that_is_tested() {
    let guide = fs::read_to_string(documentation().join("passkeys.md")).unwrap();
    for (name, language) in [("passkeys.js", "js"), ("passkeys.html", "html")] {
        let sample = fs::read_to_string(documentation().join("samples").join(name)).unwrap();
        let code: Vec<_> = sample.lines().skip_while(|line| line.starts_with("//")).collect();
        let shown = format!("\n```{language}\n{}\n```\n", code.join("\n"));
        assert!(guide.contains(&shown), "docs/samples/{name} is not in docs/passkeys.md");
    }
}

fn modules() -> PathBuf {
    PathBuf::from(std::env::var_os("FABRIC_TEST_NODE_MODULES").unwrap_or_else(|| {
        panic!(
            "FABRIC_TEST_NODE_MODULES is not set: run `cargo xtask test`, or name a node_modules with playwright-core."
        )
    }))
}

fn chromium() -> String {
    std::env::var("FABRIC_TEST_CHROMIUM")
        .unwrap_or_else(|_| panic!("FABRIC_TEST_CHROMIUM is not set: run `cargo xtask test`, or name a Chromium."))
}

fn documentation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}
