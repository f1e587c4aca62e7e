//! `fabric setup`: one command, and an app can sign its users in.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, client::text, sql, until};

on_both!(
    everything_an_app_needs_is_printed,
    as_json_it_has_exactly_the_fields_that_programs_read,
    a_second_run_changes_nothing_and_says_so,
    what_is_printed_works,
    the_password_can_come_from_standard_input,
    another_app_of_the_same_developer_has_an_organization_of_its_own,
    the_first_developer_runs_the_platform_and_the_next_does_not,
    a_place_for_events_is_an_endpoint_of_the_app,
    an_account_that_is_proven_keeps_its_password,
    whoever_signed_up_with_the_developers_address_before_is_out,
);

const SETUP: [&str; 7] = ["setup", "--app-name", "My App", "--email", "dev@myapp.com", "--password", "SecureP@ss1"];

/// What is said when the password that was given is not used.
const KEPT: &str = "This account was there already and keeps its password";

fn set_up(site: &Site) -> Value {
    site.run(&[&SETUP[..], &["--json"]].concat()).json()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The value of a line `NAME=value`.
fn variable(printed: &str, name: &str) -> String {
    let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("no {name} in:\n{printed}")).to_owned()
}

fn everything_an_app_needs_is_printed(site: &Site) {
    let done = site.run(&SETUP);
    let printed = done.text();
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[0], "Fabric setup complete.");
    assert!(lines.contains(&"App: My App (my-app)"), "{printed}");
    assert!(lines.contains(&"Admin: dev@myapp.com"), "{printed}");
    let organization = lines.iter().find_map(|line| line.strip_prefix("Organization: My App (")?.strip_suffix(')'));
    let words: Vec<_> = organization.unwrap_or_else(|| panic!("{printed}")).split('-').collect();
    let [adjective, noun, number] = words[..] else { panic!("no word-word-number: {words:?}") };
    assert!([adjective, noun].iter().all(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase())));
    assert!(number.parse::<u32>().is_ok(), "{number}");
    let id = lines.iter().find_map(|line| line.strip_prefix("Organization ID: ")).unwrap();
    assert_eq!(id.len(), 36);
    assert!(lines.contains(&"Add to your consumer app .env:"), "{printed}");
    assert_eq!(variable(printed, "FABRIC_API_URL"), "http://localhost:3001");
    assert!(variable(printed, "FABRIC_CLIENT_ID").starts_with("foc_"));
    assert!(variable(printed, "FABRIC_CLIENT_SECRET").starts_with("focs_"));
    assert!(variable(printed, "FABRIC_WEBHOOK_SECRET").starts_with("whsec_"));
    let heading = lines.iter().position(|line| *line == "API Key (for direct access):").unwrap();
    assert!(lines[heading + 1].starts_with("fab_"));
    assert!(!printed.contains(KEPT), "{printed}");
    assert_eq!(done.stderr, "");
}

fn as_json_it_has_exactly_the_fields_that_programs_read(site: &Site) {
    let printed = set_up(site);
    assert_eq!(keys(&printed), ["admin", "api_key", "app", "created", "env", "organization", "webhook_secret"]);
    assert_eq!(keys(&printed["app"]), ["client_id", "client_secret", "id", "name", "slug"]);
    assert_eq!(keys(&printed["admin"]), ["email", "principal_id"]);
    assert_eq!(keys(&printed["organization"]), ["id", "name", "slug"]);
    assert_eq!(
        printed["env"],
        json!({
            "FABRIC_API_URL": "http://localhost:3001",
            "FABRIC_CLIENT_ID": printed["app"]["client_id"],
            "FABRIC_CLIENT_SECRET": printed["app"]["client_secret"],
            "FABRIC_WEBHOOK_SECRET": printed["webhook_secret"],
        })
    );
    assert_eq!(printed["created"], true);
    assert_eq!((&printed["app"]["name"], &printed["app"]["slug"]), (&json!("My App"), &json!("my-app")));
    assert_eq!(printed["admin"]["email"], "dev@myapp.com");
}

fn a_second_run_changes_nothing_and_says_so(site: &Site) {
    let first = set_up(site);
    let url = site.database_url.clone().unwrap();
    let rows = || {
        ["apps", "accounts", "organizations", "memberships", "api_keys", "events"]
            .map(|table| sql::count(&url, &format!("SELECT count(*) AS count FROM {table}")))
    };
    let before = rows();

    let again = set_up(site);

    assert_eq!(rows(), before);
    assert_eq!(again["created"], false);
    for path in ["/app/id", "/app/client_id", "/admin", "/organization", "/webhook_secret", "/env/FABRIC_CLIENT_ID"] {
        assert_eq!(again.pointer(path), first.pointer(path), "{path}");
    }
    for shown_once in ["/app/client_secret", "/api_key", "/env/FABRIC_CLIENT_SECRET"] {
        assert_eq!(again.pointer(shown_once), Some(&Value::Null), "{shown_once}");
    }
    let told = site.run(&SETUP);
    assert!(told.text().contains("nothing was changed"), "{}", told.stdout);
    assert!(told.text().contains(KEPT), "{}", told.stdout);
    assert!(!told.stdout.contains("focs_") && !told.stdout.contains("fab_"), "{}", told.stdout);
}

fn what_is_printed_works(site: &Site) {
    let printed = set_up(site);
    let server = site.serve();
    let (app, env) = (&printed["app"], &printed["env"]);

    // The key, for its owner.
    let key = server.client().bearer(&text(&printed["api_key"]));
    let me = key.get("/v1/me").data();
    assert_eq!(me["principal_id"], printed["admin"]["principal_id"]);
    assert_eq!(key.get("/v1/apps").data()[0]["id"], app["id"]);
    let organization = format!("/v1/organizations/{}", text(&printed["organization"]["id"]));
    assert_eq!(key.get(&organization).data()["slug"], printed["organization"]["slug"]);

    // The developer.
    let signed_in = server.client().sign_in("dev@myapp.com", "SecureP@ss1").data();
    assert_eq!(signed_in["user"]["email_verified"], true);

    // The app, as its own server uses it: a user signs up, and the app acts for them.
    let user = server.client().app(&text(&env["FABRIC_CLIENT_ID"])).sign_up("alice@example.com");
    let exchanged = server.client().post(
        "/v1/oauth/token",
        &json!({
            "grant_type": "token_exchange",
            "client_id": env["FABRIC_CLIENT_ID"],
            "client_secret": env["FABRIC_CLIENT_SECRET"],
            "subject_token": user["user"]["id"],
            "subject_token_type": "urn:fabric:user_id",
        }),
    );
    let as_user = server.client().bearer(&text(&exchanged.data()["access_token"]));
    assert_eq!(as_user.get("/v1/me").data()["principal_id"], user["user"]["id"]);
}

fn the_password_can_come_from_standard_input(site: &Site) {
    let arguments = ["setup", "--app-name", "Quiet", "--email", "dev@quiet.com", "--password-stdin", "--json"];
    site.run_with(&arguments, &format!("{PASSWORD}\nanother line\n")).json();
    let server = site.serve();
    assert_eq!(server.client().sign_in("dev@quiet.com", PASSWORD).status, 200);
}

fn another_app_of_the_same_developer_has_an_organization_of_its_own(site: &Site) {
    let first = set_up(site);
    let other = ["setup", "--app-name", "Other", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let other = site.run(&other).json();
    assert_eq!(other["created"], true);
    assert_eq!(other["admin"], first["admin"]);
    assert_ne!(other["organization"]["id"], first["organization"]["id"]);
    assert_eq!(set_up(site)["app"]["id"], first["app"]["id"], "the first is still found by its name");
}

fn the_first_developer_runs_the_platform_and_the_next_does_not(site: &Site) {
    set_up(site);
    let next = ["setup", "--app-name", "My App", "--email", "dev@next.com", "--password", PASSWORD, "--json"];
    assert_eq!(site.run(&next).json()["created"], true, "another developer's app of the same name is another");
    let listed = site.run(&["user", "list", "--json"]).json();
    let admins: Vec<_> = listed["items"].as_array().unwrap().iter().map(|user| &user["platform_admin"]).collect();
    assert_eq!(admins, [true, false]);
}

fn a_place_for_events_is_an_endpoint_of_the_app(site: &Site) {
    let url = "https://myapp.com/api/webhooks/fabric";
    let made = site.run(&[&SETUP[..], &["--webhook-url", url, "--json"]].concat()).json();
    let server = site.serve();
    let client = server.client().bearer(&text(&made["api_key"]));
    let list = format!("/v1/organizations/{}/webhooks", text(&made["organization"]["id"]));
    let listed = client.get(&list).data();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["url"]), (1, &json!(url)));
    assert_eq!((&listed[0]["app_id"], &listed[0]["events"]), (&made["app"]["id"], &json!([])));
    // Another one is signed for with the same secret.
    let another = client.post(&list, &json!({ "url": url })).data();
    assert_eq!(another["secret"], made["webhook_secret"]);
    // Run again, it makes no other.
    site.run(&[&SETUP[..], &["--webhook-url", url]].concat()).text();
    assert_eq!(client.get(&list).data().as_array().unwrap().len(), 2);
}

fn an_account_that_is_proven_keeps_its_password(site: &Site) {
    let create = ["user", "create", "--email", "dev@myapp.com", "--password", PASSWORD, "--skip-verification"];
    site.run(&create).text();
    let done = site.run(&SETUP);
    assert!(done.text().contains("Fabric setup complete.") && done.stdout.contains(KEPT), "{}", done.stdout);
    let server = site.serve();
    assert_eq!(server.client().sign_in("dev@myapp.com", PASSWORD).status, 200);
    assert_eq!(server.client().sign_in("dev@myapp.com", "SecureP@ss1").status, 401);
}

/// Attack 25: a stranger signs up with the developer's address before the developer comes.
fn whoever_signed_up_with_the_developers_address_before_is_out(site: &Site) {
    let server = site.serve();
    let stranger = server.client().sign_up("dev@myapp.com");
    let link = server.mailed_token("dev@myapp.com", "/v1/auth/verify");
    let done = site.run(&SETUP);
    assert!(done.text().contains("Fabric setup complete.") && !done.stdout.contains(KEPT), "{}", done.stdout);
    assert_eq!(server.client().sign_in("dev@myapp.com", PASSWORD).status, 401);
    assert_eq!(server.client().sign_in("dev@myapp.com", "SecureP@ss1").status, 200);
    let spent = json!({ "refresh_token": stranger["refresh_token"] });
    assert_eq!(server.client().post("/v1/auth/token/refresh", &spent).status, 401);
    assert_eq!(server.client().post("/v1/auth/verify", &json!({ "token": link })).status, 400);
    let signed_in = server.client().bearer(&text(&stranger["access_token"]));
    until("the server notices", || (signed_in.get("/v1/me").status == 401).then_some(()));
}
