//! The curl commands of Fabric's documentation, as printed, host aside: real `curl`, through a shell.

use serde_json::{Value, json};

use crate::support::{PATIENCE, Server, Site, client::text, process};

on_both!(
    a_developer_signs_up_and_registers_an_app,
    users_sign_up_and_in_through_the_app,
    an_app_acts_on_behalf_of_its_user,
    a_developer_manages_the_app,
    each_way_to_say_who_calls_is_taken,
    what_needs_nobody_answers_anybody,
);

/// Runs commands as the documentation prints them; hands back what they print.
fn shell(site: &Site, server: &Server, variables: &[(&str, &str)], commands: &str) -> String {
    let commands = ["https://gofabric.dev", "http://localhost:3001"]
        .iter()
        .fold(commands.to_owned(), |commands, host| commands.replace(host, &server.url));
    // curl shows a meter where nobody looks, and calls a refusal a success.
    site.write(".curlrc", "silent\nshow-error\nfail-with-body\nmax-time = 60\n");
    let mut sh = site.program("/bin/sh");
    sh.args(["-e", "-c", &commands]).envs(variables.iter().copied());
    let done = process::finish(&mut sh, "", PATIENCE);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{commands}\n{}", done.stdout);
    done.stdout
}

/// What one command prints, which is one envelope.
fn curl(site: &Site, server: &Server, variables: &[(&str, &str)], command: &str) -> Value {
    let said = shell(site, server, variables, command);
    let envelope: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {command}\n{said}"));
    assert!(envelope.get("error").is_none(), "{envelope}");
    envelope["data"].clone()
}

fn start(site: &Site) -> Server {
    for tool in ["curl", "jq"] {
        let there = std::process::Command::new(tool).arg("--version").output();
        assert!(there.is_ok(), "{tool} is missing: install it (Debian, Ubuntu: apt-get install {tool})");
    }
    site.serve()
}

const DEVELOPER_SIGN_UP: &str = r#"# Sign up a developer account
curl -X POST https://gofabric.dev/v1/auth/signup \
  -H "Content-Type: application/json" \
  -d '{"email":"dev@myapp.com","password":"SecureP@ss1"}'"#;

const REGISTER_APP: &str = r#"# Register the app — returns client_id + client_secret
curl -X POST https://gofabric.dev/v1/apps \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $ACCESS_TOKEN" \
  -d '{"name":"My App","auto_create_org":true}'"#;

const USER_SIGN_UP: &str = r#"# Signup — scoped to your app via X-Fabric-App-Id
curl -X POST https://gofabric.dev/v1/auth/signup \
  -H "Content-Type: application/json" \
  -H "X-Fabric-App-Id: $FABRIC_CLIENT_ID" \
  -d '{"email":"alice@example.com","password":"UserP@ss1"}'"#;

const USER_LOGIN: &str = r#"# Login
curl -X POST https://gofabric.dev/v1/auth/login \
  -H "Content-Type: application/json" \
  -H "X-Fabric-App-Id: $FABRIC_CLIENT_ID" \
  -d '{"email":"alice@example.com","password":"UserP@ss1"}'"#;

const EXCHANGE_AND_USE: &str = r#"# Exchange app credentials for a user-scoped token
TOKEN=$(curl -s -X POST https://gofabric.dev/v1/oauth/token \
  -H "Content-Type: application/json" \
  -d '{
    "grant_type": "token_exchange",
    "client_id": "'$FABRIC_CLIENT_ID'",
    "client_secret": "'$FABRIC_CLIENT_SECRET'",
    "subject_token": "'$USER_ID'",
    "subject_token_type": "urn:fabric:user_id"
  }' | jq -r '.data.access_token')

# Use the token — all requests are now scoped to this user
curl -H "Authorization: Bearer $TOKEN" \
  https://gofabric.dev/v1/organizations"#;

const LIST_APPS: &str = r#"# List your apps
curl -H "Authorization: Bearer $ACCESS_TOKEN" \
  https://gofabric.dev/v1/apps"#;

const UPDATE_APP: &str = r#"# Update settings
curl -X PATCH https://gofabric.dev/v1/apps/$APP_ID \
  -H "Authorization: Bearer $ACCESS_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"auto_create_org":false,"allowed_origins":["https://myapp.com"]}'"#;

const ROTATE_SECRET: &str = r#"# Rotate client secret (save the new secret — shown only once)
curl -X POST https://gofabric.dev/v1/apps/$APP_ID/rotate-secret \
  -H "Authorization: Bearer $ACCESS_TOKEN""#;

const USAGE: &str = r#"# View aggregate usage
curl -H "Authorization: Bearer $ACCESS_TOKEN" \
  https://gofabric.dev/v1/apps/$APP_ID/usage"#;

const NO_ORGANIZATIONS: &str = r#"curl -X PATCH https://gofabric.dev/v1/apps/$APP_ID \
  -H "Authorization: Bearer $ACCESS_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"auto_create_org":false}'"#;

const DEVELOPMENT_HEADER: &str = r"curl -H 'X-Principal-Id: 550e8400-e29b-41d4-a716-446655440000' \
https://gofabric.dev/v1/me";

const API_KEY: &str = r"curl -H 'Authorization: Bearer fab_your_api_key_here' \
  http://localhost:3001/v1/me";

const JWT: &str = r"curl -H 'Authorization: Bearer eyJhbGciOiJIUzI1NiIs...' \
  http://localhost:3001/v1/me";

/// A developer with an app: the access token and the app.
fn registered(site: &Site, server: &Server) -> (String, Value) {
    let developer = curl(site, server, &[], DEVELOPER_SIGN_UP);
    let token = text(&developer["access_token"]);
    let app = curl(site, server, &[("ACCESS_TOKEN", &token)], REGISTER_APP);
    (token, app)
}

fn a_developer_signs_up_and_registers_an_app(site: &Site) {
    let server = start(site);
    let (_, app) = registered(site, &server);
    assert_eq!((&app["name"], &app["slug"]), (&"My App".into(), &"my-app".into()));
    assert!(text(&app["client_id"]).starts_with("foc_") && text(&app["client_secret"]).starts_with("focs_"));
    assert_eq!((&app["auto_create_org"], &app["allowed_origins"]), (&true.into(), &Value::Array(Vec::new())));
    assert!(text(&app["created_at"]).ends_with('Z'));
    assert_eq!(text(&app["id"]).len(), 36);
}

fn users_sign_up_and_in_through_the_app(site: &Site) {
    let server = start(site);
    let (_, app) = registered(site, &server);
    let client_id = text(&app["client_id"]);
    let variables = [("FABRIC_CLIENT_ID", client_id.as_str())];
    let new = curl(site, &server, &variables, USER_SIGN_UP);
    let again = curl(site, &server, &variables, USER_LOGIN);
    assert_eq!(new["user"]["id"], again["user"]["id"]);
    for answer in [new, again] {
        assert_eq!(answer["user"]["email"], "alice@example.com");
        assert!(answer["access_token"].is_string());
    }
}

fn an_app_acts_on_behalf_of_its_user(site: &Site) {
    let server = start(site);
    let (_, app) = registered(site, &server);
    let (client_id, client_secret) = (text(&app["client_id"]), text(&app["client_secret"]));
    let user = curl(site, &server, &[("FABRIC_CLIENT_ID", &client_id)], USER_SIGN_UP);
    let variables = [
        ("FABRIC_CLIENT_ID", client_id.as_str()),
        ("FABRIC_CLIENT_SECRET", &client_secret),
        ("USER_ID", &text(&user["user"]["id"])),
    ];
    let organizations = curl(site, &server, &variables, EXCHANGE_AND_USE);
    let [organization] = organizations.as_array().unwrap().as_slice() else { panic!("{organizations}") };
    assert_eq!((&organization["app_id"], &organization["role"]), (&app["id"], &"owner".into()));
}

fn a_developer_manages_the_app(site: &Site) {
    let server = start(site);
    let (token, app) = registered(site, &server);
    let id = text(&app["id"]);
    let variables = [("ACCESS_TOKEN", token.as_str()), ("APP_ID", &id)];
    assert_eq!(curl(site, &server, &variables, LIST_APPS)[0]["id"], app["id"]);
    let updated = curl(site, &server, &variables, UPDATE_APP);
    assert_eq!(updated["auto_create_org"], false);
    assert_eq!(updated["allowed_origins"], json!(["https://myapp.com"]));
    let rotated = curl(site, &server, &variables, ROTATE_SECRET);
    assert_eq!((&rotated["app_id"], &rotated["client_id"]), (&app["id"], &app["client_id"]));
    assert_ne!(rotated["client_secret"], app["client_secret"]);
    let usage = curl(site, &server, &variables, USAGE);
    assert_eq!((&usage["total_runs"], &usage["total_orgs"]), (&0.into(), &0.into()));

    assert_eq!(curl(site, &server, &variables, NO_ORGANIZATIONS)["auto_create_org"], false);
    let user = curl(site, &server, &[("FABRIC_CLIENT_ID", &text(&app["client_id"]))], USER_SIGN_UP);
    let inside = server.client().bearer(&text(&user["access_token"]));
    assert_eq!(inside.get("/v1/organizations").data(), Value::Array(Vec::new()));
}

fn each_way_to_say_who_calls_is_taken(site: &Site) {
    let setup = ["setup", "--app-name", "My App", "--email", "dev@myapp.com", "--password", "SecureP@ss1", "--json"];
    let printed = site.run(&setup).json();
    let server = start(site);
    let me = curl(site, &server, &[], &API_KEY.replace("fab_your_api_key_here", &text(&printed["api_key"])));
    assert_eq!(me["principal_id"], printed["admin"]["principal_id"]);
    assert_eq!(me["authenticated"], true);

    let signed_in = server.client().sign_in("dev@myapp.com", "SecureP@ss1").data();
    let token = text(&signed_in["access_token"]);
    assert!(token.starts_with("eyJ"), "{token}");
    let me = curl(site, &server, &[], &JWT.replace("eyJhbGciOiJIUzI1NiIs...", &token));
    assert_eq!((&me["principal_id"], &me["email"]), (&printed["admin"]["principal_id"], &"dev@myapp.com".into()));

    let me = curl(site, &server, &[], DEVELOPMENT_HEADER);
    assert_eq!(
        (&me["principal_id"], &me["authenticated"]),
        (&"550e8400-e29b-41d4-a716-446655440000".into(), &true.into())
    );
}

fn what_needs_nobody_answers_anybody(site: &Site) {
    let server = start(site);
    for path in ["/healthz", "/readyz"] {
        curl(site, &server, &[], &format!("curl https://gofabric.dev{path}"));
    }
    let document = shell(site, &server, &[], "curl https://gofabric.dev/openapi.json | jq -r .openapi");
    assert!(document.starts_with("3.1"), "{document}");
}
