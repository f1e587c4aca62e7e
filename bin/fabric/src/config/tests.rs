use std::{collections::HashMap, ffi::OsString, os::unix::ffi::OsStringExt as _, time::Duration};

use ::limits::Category;
use kernel::Code;
use table::Kind;

use super::*;

fn loaded(toml: &str, dot_env: &[(&str, &str)], environment: &[(&str, &str)], flags: &Flags) -> Result<Config> {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let (dot_env, environment): (HashMap<_, _>, HashMap<_, _>) = (map(dot_env), map(environment));
    read(sources::toml(Path::new("fabric.toml"), toml)?, &dot_env, &environment, flags)
}

#[test]
fn each_source_wins_over_the_one_before() {
    let port = |toml, dot_env: &[_], environment: &[_], flag| {
        let flags = Flags { port: flag, ..Flags::default() };
        loaded(toml, dot_env, environment, &flags).unwrap().server.port
    };
    let toml = "[server]\nport = 1";
    assert_eq!(port("", &[], &[], None), 3001);
    assert_eq!(port(toml, &[], &[], None), 1);
    assert_eq!(port(toml, &[("PORT", "2")], &[], None), 2);
    assert_eq!(port(toml, &[("PORT", "2")], &[("PORT", "3")], None), 3);
    assert_eq!(port(toml, &[("PORT", "2")], &[("PORT", "3")], Some(4)), 4);
    assert_eq!(port(toml, &[("PORT", "2")], &[("PORT", "")], None), 2, "set to nothing is not set");
    let empty = loaded("[auth]\nbootstrap_token = \"\"", &[], &[], &Flags::default()).unwrap();
    assert!(empty.auth.bootstrap_token.is_none(), "in the file neither");
    let mail = [("RESEND_FROM_EMAIL", ""), ("MAIL_FROM", "a@example.com")];
    let mail = loaded("", &[], &mail, &Flags::default()).unwrap().mail;
    assert_eq!(mail.from.as_deref(), Some("a@example.com"), "the first name that is set");
}

/// What is said about a file and an environment that make no sense.
fn told(toml: &str, environment: &[(&str, &str)]) -> String {
    let refused = loaded(toml, &[], environment, &Flags::default()).unwrap_err();
    assert_eq!(refused.code, Code::InvalidSetting);
    refused.message.into_owned()
}

#[test]
fn a_value_in_the_file_that_makes_no_sense_is_told_by_its_key_and_how_to_mend_it() {
    for (toml, said) in [
        ("[server]\nprot = 1", "server.prot: there is no setting prot."),
        ("[sever]\nport = 1", "sever: there is no setting sever."),
        ("server = 1", "server: write it as a section, [server]."),
        ("[server]\nport = \"hunter2\"", "server.port: give a whole number from 0 to 65535."),
        ("[server]\nport = 1.5", "server.port: give a whole number from 0 to 65535."),
        ("[server]\nport = -1", "server.port: give a whole number from 0 to 65535."),
        ("[server]\nport = 70000", "server.port: give a whole number from 0 to 65535."),
        ("[server]\nworkers = 0", "server.workers: give a whole number from 1 to 1024."),
        ("[database]\npool_max = 0", "database.pool_max: give a whole number from 1 to 10000."),
        (
            "[database]\nurl = \"hunter2\"",
            "database.url: give postgres://user:password@host/database or sqlite://path.",
        ),
        ("[database]\nmigrate = \"hunter2\"", "database.migrate: give true or false."),
        ("[runtime]\nenv = \"hunter2\"", "runtime.env: give development or production."),
        ("[runtime]\nworkflow_dirs = \"a,b\"", r#"runtime.workflow_dirs: give a list such as ["one", "two"]."#),
        ("[runtime]\nworkflow_dirs = [1]", r#"runtime.workflow_dirs: give a list such as ["one", "two"]."#),
        ("[auth]\noauth_signing_secret = 424242424242", "auth.oauth_signing_secret: give text, in quotes."),
        ("[auth]\nhash_lanes = 0", "auth.hash_lanes: give a whole number from 1 to 16777215."),
        (
            "[auth]\nhash_lanes = 4\nhash_memory_kib = 31",
            "auth.hash_memory_kib: give 32 or more, 8 for each lane of auth.hash_lanes.",
        ),
    ] {
        assert_eq!(told(toml, &[]), said, "{toml}");
    }
}

#[test]
fn a_variable_that_makes_no_sense_is_told_by_its_name_and_how_to_mend_it() {
    for (name, value, wanted) in [
        ("PORT", "hunter2", "give a whole number from 0 to 65535."),
        ("PORT", "99999", "give a whole number from 0 to 65535."),
        ("DATABASE_POOL_MAX", "0", "give a whole number from 1 to 10000."),
        ("FABRIC_WORKERS", "0", "give a whole number from 1 to 1024."),
        ("FABRIC_HASH_LANES", "0", "give a whole number from 1 to 16777215."),
        ("FABRIC_HASH_MEMORY_KIB", "1", "give a whole number from 8 to 4294967295."),
        ("FABRIC_ENV", "hunter2", "give development or production."),
        ("FABRIC_LOG_FORMAT", "hunter2", "give text or json."),
        ("FABRIC_DEV_MODE", "hunter2", "give 1 or 0."),
        ("DATABASE_URL", "hunter2", "give postgres://user:password@host/database or sqlite://path."),
        ("DATABASE_URL", "sqlite://", "give sqlite:// and the path of a file, as in sqlite://fabric.db."),
    ] {
        assert_eq!(told("", &[(name, value)]), format!("{name}: {wanted}"), "{name}={value}");
    }
}

#[test]
fn a_flag_that_makes_no_sense_is_wrong_usage() {
    let refused = |flags: Flags| {
        let refused = loaded("", &[], &[("FABRIC_ENV", "production")], &flags).unwrap_err();
        (refused.code, refused.message.into_owned())
    };
    let environment = refused(Flags { fabric_env: Some("prod".to_owned()), ..Flags::default() });
    assert_eq!(environment, (Code::InvalidRequest, "--fabric-env: give development or production.".to_owned()));
    let (code, message) = refused(Flags { database_url: Some("hunter2".to_owned()), ..Flags::default() });
    assert_eq!(code, Code::InvalidRequest);
    assert!(message.starts_with("--database-url: give ") && !message.contains("hunter2"), "{message}");
}

#[test]
fn a_file_that_is_not_toml_is_told_by_line_and_key() {
    for (toml, place) in [
        ("[server", "fabric.toml: line 1 can't"),
        ("[auth]\n\noauth_signing_secret = hunter2", "fabric.toml: line 3, oauth_signing_secret, can't"),
        ("[server]\nport = 1\nport = 2", "fabric.toml: line 3, port, can't"),
        ("auth.jwt_secret = hunter2", "fabric.toml: line 1, auth.jwt_secret, can't"),
        // What stands before a sign of equality need not be a key.
        ("[auth]\njwt_secret =\nhunter2 = hunter2 = 1", "fabric.toml: line 2, jwt_secret, can't"),
        ("[auth]\njwt_secret = \"\nhunter2=hunter2\"", "fabric.toml: line 2, jwt_secret, can't"),
        ("hunter2=hunter2", "fabric.toml: line 1 can't"),
    ] {
        let message = told(toml, &[]);
        assert!(message.starts_with(place), "{toml}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_line_of_dot_env_that_cannot_be_read_is_told_by_its_number_alone() {
    for (text, line) in [
        (&b"hunter2 hunter2"[..], 1),
        (b"\n# a comment\nPORT=1\nJWT_SECRET=hunter2 hunter2\nPORT=2\n", 4),
        (b"PORT=1\nA=\"two\nlines\"\nB=\"hunter2\nhunter2\nhunter2\n", 4),
        (b"JWT_SECRET='hunter2", 1),
        (b"PORT=1\r\nhunter2 # hunter2\r\n", 2),
        (b"PORT=1\nJWT_SECRET=hunter2\xff\n", 2),
    ] {
        let message = sources::variables(text).unwrap_err().message;
        assert!(message.starts_with(&format!(".env: line {line} is not ")), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let long = format!("A={}\nB=\"two\nlines\"\nhunter2 hunter2", "a".repeat(100_000));
    let message = sources::variables(long.as_bytes()).unwrap_err().message;
    assert!(message.starts_with(".env: line 4 "), "{message}");
    let read = sources::variables("\u{feff}A=\"two\nlines\"\n# more\nexport B=b # says b".as_bytes()).unwrap();
    assert_eq!((read["A"].as_str(), read["B"].as_str()), ("two\nlines", "b"));
}

#[test]
fn a_variable_that_is_not_text_is_refused_if_it_is_ours() {
    let variables = |name: &str| {
        let bytes = OsString::from_vec(b"hunter2\xff".to_vec());
        sources::environment([(OsString::from(name), bytes), (OsString::from("PORT"), OsString::from("1"))])
    };
    assert_eq!(variables("LS_COLORS").unwrap(), HashMap::from([("PORT".to_owned(), "1".to_owned())]));
    let named = OsString::from_vec(b"PORT\xff".to_vec());
    assert!(sources::environment([(named, OsString::from("1"))]).unwrap().is_empty());
    for ours in ["HOST", "MAIL_FROM", "FABRIC_CONFIG"] {
        assert_eq!(variables(ours).unwrap_err().message, format!("{ours}: give text in UTF-8."));
    }
}

#[test]
fn migrations_run_on_a_database_of_the_same_kind() {
    let (postgres, sqlite) = ("postgres://user:hunter2@localhost/fabric", "sqlite://fabric.db");
    for name in ["DATABASE_MIGRATION_URL", "DATABASE_DIRECT_URL"] {
        for (main, other) in [(postgres, sqlite), (sqlite, postgres), ("", postgres)] {
            let message = told("", &[("DATABASE_URL", main), (name, other)]);
            assert!(message.starts_with(name) && message.contains("DATABASE_URL"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        for (main, other) in [(postgres, "postgresql://localhost/fabric"), (sqlite, sqlite), ("", sqlite)] {
            assert!(loaded("", &[], &[("DATABASE_URL", main), (name, other)], &Flags::default()).is_ok());
        }
    }
}

#[test]
fn what_the_contract_reserves_can_be_set() {
    let names = [
        "GOOGLE_CLIENT_ID",
        "GOOGLE_CLIENT_SECRET",
        "GITHUB_CLIENT_ID",
        "GITHUB_CLIENT_SECRET",
        "AUTH_CALLBACK_REDIRECT_URL",
    ];
    for name in names {
        let setting = TABLE.iter().find(|setting| setting.variables.contains(&name)).unwrap();
        assert_eq!(setting.kind == Kind::Secret, name.ends_with("_SECRET"), "{name}");
    }
}

#[test]
fn a_secret_of_digits_is_a_secret() {
    let digits = "12345678901234567890123456789012";
    let config = loaded("", &[], &[("OAUTH_SIGNING_SECRET", digits)], &Flags::default()).unwrap();
    let secret = config.auth.oauth_signing_secret.unwrap();
    assert_eq!(kernel::secret::ExposeSecret::expose_secret(&secret), digits);
}

/// Attack 53: the configuration in a log.
#[test]
fn debug_shows_no_secret() {
    let variables: Vec<_> = TABLE.iter().filter(|setting| setting.kind == Kind::Secret).collect();
    assert!(variables.len() > 8);
    // Which is a secret anywhere, and where a database is asked for, one of them.
    let secret = "postgres://hunter2hunter2";
    let secrets: Vec<_> = variables.iter().map(|setting| (setting.variables[0], secret)).collect();
    let config = loaded("", &[], &secrets, &Flags::default()).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_reference_has_every_setting() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let reference = std::fs::read_to_string(format!("{folder}/../../docs/configuration.md")).unwrap();
    for setting in TABLE {
        for name in setting.variables.iter().chain([&setting.key]) {
            assert!(reference.contains(&format!("`{name}`")), "docs/configuration.md lacks {name}");
        }
        if let Some(default) = setting.default.filter(|default| !default.is_empty()) {
            let row = reference.lines().find(|line| line.contains(&format!("`{}`", setting.key))).unwrap();
            assert!(row.contains(&format!("`{default}`")), "docs/configuration.md: the default of {}", setting.key);
        }
    }
}

/// How often in a minute each kind of call is let through, of those that are counted.
async fn counted(environment: &[(&str, &str)]) -> Vec<(&'static str, u32)> {
    let config = loaded("", &[], environment, &Flags::default()).unwrap();
    let limits = crate::limits::limits(&config).unwrap();
    let mut counted = Vec::new();
    for category in Category::ALL {
        if let Some(taken) = limits.take(*category, "somebody").await {
            assert_eq!(taken.quota.period(), Duration::from_mins(1), "{}", category.name());
            counted.push((category.name(), taken.quota.limit().get()));
        }
    }
    counted
}

/// What a server has whose operator says nothing: a slip here would open every one of them to guessing.
#[tokio::test]
async fn in_production_whatever_costs_a_hash_a_mail_or_a_guess_is_limited_and_nothing_else() {
    let usual = [
        ("sign_in", 20),
        ("sign_up", 20),
        ("forgot_password", 20),
        ("magic_link", 20),
        ("passkey_challenge", 120),
        ("second_factor", 20),
    ];
    assert_eq!(counted(&[("FABRIC_ENV", "production")]).await, usual);
}

#[tokio::test]
async fn in_development_nothing_is_limited_that_nobody_limits() {
    for unlimited in [&[("FABRIC_ENV", "development")][..], &[]] {
        let found = counted(unlimited).await;
        assert!(found.is_empty(), "{found:?}");
    }
    let some = [("FABRIC_LIMIT_SIGN_IN", "5"), ("FABRIC_LIMIT_PASSKEY_CHALLENGE", "6"), ("FABRIC_LIMIT_AGENT", "7")];
    assert_eq!(counted(&some).await, [("sign_in", 5), ("passkey_challenge", 6), ("agent", 7)]);
}

#[tokio::test]
async fn a_limit_that_is_set_takes_the_place_of_the_usual_one_and_0_is_none() {
    let set = [
        ("FABRIC_ENV", "production"),
        ("FABRIC_LIMIT_SIGN_IN", "0"),
        ("FABRIC_LIMIT_SIGN_UP", "1"),
        ("FABRIC_LIMIT_FORGOT_PASSWORD", "2"),
        ("FABRIC_LIMIT_MAGIC_LINK", "0"),
        ("FABRIC_LIMIT_PASSKEY_CHALLENGE", "0"),
        ("FABRIC_LIMIT_SECOND_FACTOR", "3"),
        ("FABRIC_LIMIT_PUBLIC", "4"),
        ("FABRIC_LIMIT_STANDARD", "5"),
        ("FABRIC_LIMIT_AGENT", "6"),
        ("FABRIC_LIMIT_AI", "0"),
        ("FABRIC_LIMIT_WORKFLOW", "7"),
    ];
    let expected = [
        ("sign_up", 1),
        ("forgot_password", 2),
        ("second_factor", 3),
        ("public", 4),
        ("standard", 5),
        ("agent", 6),
        ("workflow", 7),
    ];
    assert_eq!(counted(&set).await, expected);
}
