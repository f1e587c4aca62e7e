//! `fabric user import`: people from another system, with their passwords.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Site, client::text, sql};

on_both!(
    people_sign_in_with_the_passwords_that_they_had,
    a_dry_run_does_nothing,
    a_dry_run_says_what_the_run_says,
    nothing_in_a_file_drives_the_terminal,
    each_line_that_fails_is_told_and_the_others_are_imported,
    a_table_is_read_as_objects_are,
    exports_of_others_are_read,
    an_argon2_hash_of_keycloak_signs_in_and_is_replaced,
    a_file_of_no_known_form_is_refused,
);

/// Of `Correct-horse-1`, by Python's bcrypt.
const BCRYPT: &str = "$2b$06$eCG3z3El1zSIEtj53KhWv.y8plHYnXDZ8jHNnms604imOtC5psUB6";
/// The same by hashlib.
const PBKDF2: &str = "$pbkdf2-sha256$i=1000$AAECAwQFBgcICQoLDA0ODw$+0FoCzkIjsPS5XbZZ9h/boi3S3HwsAdSS3vcwbdn7j0";
const SCRYPT: &str = "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$HvgGMpxgHZrLqZKW6qC996+IGKqCT9wc9OIDYumBfmY";
const ARGON2I: &str = "$argon2i$v=19$m=256,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$JQtNef3sMsR/RONQ7GXAT6YkQII3Q/8Fpgw4dPdxPlA";
const THEIRS: &str = "Correct-horse-1";

fn write(site: &Site, name: &str, content: &str) -> String {
    let path = site.folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn lines(people: &[Value]) -> String {
    people.iter().flat_map(|person| [person.to_string(), "\n".to_owned()]).collect()
}

fn app(site: &Site) -> String {
    let arguments = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD];
    text(&site.run(&[&arguments[..], &["--json"]].concat()).json()["app"]["client_id"])
}

fn sign_in(client: &Client, app: &str, email: &str, password: &str) -> u16 {
    let shown = json!({ "email": email, "password": password });
    client.app(app).post("/v1/auth/login", &shown).status
}

/// How many accounts there are of which that is true.
fn accounts(site: &Site, which: &str) -> i64 {
    let url = site.database_url.clone().unwrap();
    sql::count(&url, &format!("SELECT count(*) AS count FROM accounts WHERE {which}"))
}

fn kept(site: &Site, hash: &str) -> i64 {
    accounts(site, &format!("password_hash = '{hash}'"))
}

fn people_sign_in_with_the_passwords_that_they_had(site: &Site) {
    let app = app(site);
    let hashes = [("bcrypt", BCRYPT), ("pbkdf2", PBKDF2), ("scrypt", SCRYPT), ("argon2i", ARGON2I)];
    let person = |(name, hash): (&str, &str)| {
        json!({
            "email": format!("{name}@example.com"), "email_verified": true, "display_name": name, "password_hash": hash,
            "metadata": { "plan": "pro" },
        })
    };
    let file = write(site, "people.ndjson", &lines(&hashes.map(person)));
    let done = site.run(&["user", "import", &file, "--app", &app, "--json"]).json();
    assert_eq!(
        (&done["read"], &done["created"], &done["without_password"]),
        (&json!(4), &json!(4), &json!(0)),
        "{done}"
    );
    let server = site.serve();
    let client = server.client();
    for (name, hash) in hashes {
        let email = format!("{name}@example.com");
        assert_eq!(sign_in(&client, &app, &email, "Wrong-horse-1"), 401, "{name}");
        assert_eq!(kept(site, hash), 1, "{name}");
        // The first sign-in replaces the hash, and the next one goes by the new one.
        for _ in 0..2 {
            assert_eq!(sign_in(&client, &app, &email, THEIRS), 200, "{name}");
        }
        assert_eq!(kept(site, hash), 0, "{name}");
    }
    assert_eq!(accounts(site, "password_hash LIKE '$argon2id$%'"), 5);
    // Once more changes nothing.
    let again = site.run(&["user", "import", &file, "--app", &app, "--json"]).json();
    assert_eq!((&again["created"], &again["exists"]), (&json!(0), &json!(4)), "{again}");
    assert_eq!(sign_in(&client, &app, "bcrypt@example.com", THEIRS), 200);
}

fn a_dry_run_does_nothing(site: &Site) {
    let person = json!({ "email": "alice@example.com", "password_hash": BCRYPT });
    let file = write(site, "people.ndjson", &lines(&[person]));
    for _ in 0..2 {
        let told = site.run(&["user", "import", &file, "--dry-run"]);
        assert!(told.text().contains("1 read: 1 would be created (0 of them without a password)"), "{}", told.text());
    }
    assert_eq!(site.run(&["user", "list"]).text().trim(), "There are no accounts here.");
}

fn a_dry_run_says_what_the_run_says(site: &Site) {
    let people = ["alice@example.com", "bob@example.com", "Alice@Example.com"].map(|email| json!({ "email": email }));
    let file = write(site, "people.ndjson", &lines(&people));
    for arguments in [&["--dry-run"][..], &[]] {
        let told = site.run(&[&["user", "import", &file, "--json"][..], arguments].concat()).json();
        assert_eq!((&told["created"], &told["exists"]), (&json!(2), &json!(1)), "{told}");
    }
}

fn nothing_in_a_file_drives_the_terminal(site: &Site) {
    let person = json!({ "email": "a\u{1b}]0;owned\u{7}\u{9b}2J\nline 2: fine@" });
    let file = write(site, "people.ndjson", &lines(&[person]));
    for arguments in [&["--json"][..], &[]] {
        let told = site.run(&[&["user", "import", &file][..], arguments].concat());
        let printed = format!("{}{}", told.stdout, told.stderr);
        assert!(printed.contains("\\u001b]0;owned\\u0007\\u009b2J"), "{printed}");
        assert!(!printed.chars().any(|letter| letter.is_control() && letter != '\n'), "{printed:?}");
        assert!(!printed.lines().any(|line| line.starts_with("line 2")), "{printed}");
    }
}

fn each_line_that_fails_is_told_and_the_others_are_imported(site: &Site) {
    let costly = "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let people = [
        json!({ "email": "alice@example.com", "password_hash": BCRYPT }).to_string(),
        "this is no JSON".to_owned(),
        json!({ "display_name": "Nobody" }).to_string(),
        String::new(),
        json!({ "email": "bob@example.com", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99" }).to_string(),
        json!({ "email": "carol@example.com", "password_hash": costly }).to_string(),
        json!({ "email": "not an address@" }).to_string(),
        json!({ "email": "dave@example.com", "disabled": true, "password_hash": BCRYPT }).to_string(),
    ];
    let file = write(site, "people", &people.join("\n"));
    let report = site.folder.path().join("report.ndjson");
    let arguments = ["user", "import", &file, "--format", "ndjson", "--report", report.to_str().unwrap(), "--json"];
    let done = site.run(&arguments);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains("3 of 7 people were not imported."), "{}", done.stderr);
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    let counts = ["created", "without_password", "exists", "failed"].map(|name| told[name].as_u64().unwrap());
    assert_eq!(counts, [4, 2, 0, 3], "{told}");
    let report = fs::read_to_string(report).unwrap();
    let report: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> =
        report.iter().map(|one| (one["line"].as_u64().unwrap(), one["outcome"].as_str().unwrap())).collect();
    let expected =
        [(1, "created"), (2, "failed"), (3, "failed"), (5, "created"), (6, "created"), (7, "failed"), (8, "created")];
    assert_eq!(outcomes, expected);
    for secret in [BCRYPT, costly] {
        assert!(!format!("{}{}{report:?}", done.stdout, done.stderr).contains(secret));
    }
    assert_eq!(accounts(site, "disabled_at IS NOT NULL"), 1);
}

/// In a table all is text: what is true, what is an object and what is nothing has to be found in its cells.
fn a_table_is_read_as_objects_are(site: &Site) {
    let app = app(site);
    // There are commas in a hash of scrypt.
    let table = format!(
        "email,email_verified,display_name,password_hash,metadata,disabled\n\
         ada@example.com,true,\"Lovelace, Ada\",{BCRYPT},\"{{\"\"plan\"\": \"\"pro\"\"}}\",false\n\
         bob@example.com,false,,\"{SCRYPT}\",,\n\
         carol@example.com,true,Carol,{BCRYPT},,true\n\
         dave@example.com,,Dave,5f4dcc3b5aa765d61d8327deb882cf99,,\n\
         erin@example.com,,,,,\n\
         ,true,Nobody,{BCRYPT},,\n\
         frank@example.com,true\n\
         ada@example.com,true,Another,{PBKDF2},,\n"
    );
    let file = write(site, "people.csv", &table);
    let report = site.folder.path().join("report.ndjson");
    let done = site.run(&["user", "import", &file, "--app", &app, "--report", report.to_str().unwrap(), "--json"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains("2 of 8 people were not imported."), "{}", done.stderr);
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    let counts = ["read", "created", "without_password", "exists", "failed"].map(|name| told[name].as_u64().unwrap());
    assert_eq!(counts, [8, 5, 2, 1, 2], "{told}");
    let report = fs::read_to_string(report).unwrap();
    let report: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> = report
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["outcome"].as_str().unwrap(), one["email"].as_str()))
        .collect();
    let expected = [
        (2, "created", Some("ada@example.com")),
        (3, "created", Some("bob@example.com")),
        (4, "created", Some("carol@example.com")),
        (5, "created", Some("dave@example.com")),
        (6, "created", Some("erin@example.com")),
        (7, "failed", None),
        (8, "failed", None),
        (9, "exists", Some("ada@example.com")),
    ];
    assert_eq!(outcomes, expected);
    // Dave's password was lost, and Erin had none.
    let lines = |is: fn(&Value) -> bool| -> Vec<u64> {
        report.iter().filter(|one| is(one)).map(|one| one["line"].as_u64().unwrap()).collect()
    };
    assert_eq!(lines(|one| one["password"] == true), [2, 3, 4]);
    assert_eq!(lines(|one| one["why"].is_string()), [5, 7, 8]);
    let listed = site.run(&["user", "list", "--app", &app, "--json"]).json();
    let known = |name: &str| {
        let items = listed["items"].as_array().unwrap();
        let email = format!("{name}@example.com");
        let one = items.iter().find(|one| one["email"] == email.as_str()).unwrap();
        (one["display_name"].clone(), one["email_verified"].as_bool().unwrap(), one["disabled"].as_bool().unwrap())
    };
    assert_eq!(known("ada"), (json!("Lovelace, Ada"), true, false));
    assert_eq!(known("bob"), (Value::Null, false, false));
    assert_eq!(known("carol"), (json!("Carol"), true, true));
    assert_eq!(known("dave"), (json!("Dave"), false, false));
    assert_eq!(accounts(site, "metadata LIKE '%\"plan\"%pro%'"), 1);
    let server = site.serve();
    for (name, status) in [("ada", 200), ("bob", 200), ("dave", 401), ("erin", 401)] {
        assert_eq!(sign_in(&server.client(), &app, &format!("{name}@example.com"), THEIRS), status, "{name}");
    }
}

fn exports_of_others_are_read(site: &Site) {
    let clerk = format!(
        "id,first_name,last_name,primary_email_address,verified_email_addresses,password_digest,password_hasher\n\
         user_1,Ada,Lovelace,ada@example.com,ada@example.com,{BCRYPT},bcrypt\n\
         user_2,\"Grace, B.\",,grace@example.com,,,\n"
    );
    let keycloak = json!({ "realm": "acme", "users": [{
        "username": "kay", "email": "kay@example.com", "emailVerified": true, "enabled": true,
        "credentials": [{
            "type": "password",
            "secretData": "{\"value\":\"+0FoCzkIjsPS5XbZZ9h/boi3S3HwsAdSS3vcwbdn7j0=\",\"salt\":\"AAECAwQFBgcICQoLDA0ODw==\"}",
            "credentialData": "{\"hashIterations\":1000,\"algorithm\":\"pbkdf2-sha256\"}",
        }],
    }] });
    let auth0 = json!({ "email": "olivia@example.com", "email_verified": true, "passwordHash": BCRYPT });
    let supabase = format!(
        "id,email,encrypted_password,email_confirmed_at,raw_user_meta_data\n\
         1,susan@example.com,{BCRYPT},2024-01-01 00:00:00+00,\"{{\"\"full_name\"\": \"\"Susan\"\"}}\"\n"
    );
    let exports = [
        ("clerk", "clerk.csv", clerk),
        ("keycloak", "realm.json", keycloak.to_string()),
        ("auth0", "auth0.ndjson", auth0.to_string()),
        ("supabase", "users.csv", supabase),
    ];
    let app = app(site);
    for (from, name, content) in &exports {
        let file = write(site, name, content);
        let done = site.run(&["user", "import", &file, "--from", from, "--app", &app, "--json"]).json();
        assert_eq!(done["failed"], 0, "{from}: {done}");
    }
    let server = site.serve();
    for name in ["ada", "kay", "olivia", "susan"] {
        assert_eq!(sign_in(&server.client(), &app, &format!("{name}@example.com"), THEIRS), 200, "{name}");
    }
    let listed = site.run(&["user", "list", "--app", &app, "--json"]).json();
    let named = |name: &str| {
        let items = listed["items"].as_array().unwrap();
        let email = format!("{name}@example.com");
        let one = items.iter().find(|one| one["email"] == email.as_str()).unwrap();
        (one["display_name"].clone(), one["email_verified"].as_bool().unwrap())
    };
    assert_eq!(named("ada"), (json!("Ada Lovelace"), true));
    assert_eq!(named("grace"), (json!("Grace, B."), false));
    assert_eq!(named("susan"), (json!("Susan"), true));
}

/// As Keycloak makes them by default since version 25, and at that cost; the hash is by Python's argon2-cffi.
fn an_argon2_hash_of_keycloak_signs_in_and_is_replaced(site: &Site) {
    let secret = json!({
        "value": "nMNWoKzkXWiIVCWGycuX/VfmRabfuMB3huSIEY2AgLI=", "salt": "AAECAwQFBgcICQoLDA0ODw==",
        "additionalParameters": {},
    });
    let about = json!({
        "hashIterations": 5, "algorithm": "argon2",
        "additionalParameters": {
            "hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"],
        },
    });
    let credential =
        json!({ "type": "password", "secretData": secret.to_string(), "credentialData": about.to_string() });
    let realm = json!({ "realm": "acme", "users": [{
        "id": "8f", "username": "kim", "email": "kim@example.com", "emailVerified": true, "enabled": true,
        "credentials": [credential],
    }] });
    let app = app(site);
    let file = write(site, "realm.json", &realm.to_string());
    let done = site.run(&["user", "import", &file, "--from", "keycloak", "--app", &app, "--json"]).json();
    assert_eq!((&done["created"], &done["without_password"]), (&json!(1), &json!(0)), "{done}");
    let theirs = || accounts(site, "password_hash LIKE '$argon2id$v=19$m=7168,t=5,p=1$%'");
    assert_eq!(theirs(), 1);
    let server = site.serve();
    let client = server.client();
    assert_eq!(sign_in(&client, &app, "kim@example.com", "Wrong-horse-1"), 401);
    assert_eq!(theirs(), 1);
    for _ in 0..2 {
        assert_eq!(sign_in(&client, &app, "kim@example.com", THEIRS), 200);
        assert_eq!(theirs(), 0);
    }
}

fn a_file_of_no_known_form_is_refused(site: &Site) {
    let file = write(site, "people.txt", "{}");
    for arguments in [
        vec!["user", "import", &file],
        vec!["user", "import", "/no/such/file.csv"],
        vec!["user", "import", &file, "--format", "json"],
    ] {
        let refused = site.run(&arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{arguments:?}: {}", refused.stderr);
    }
}
