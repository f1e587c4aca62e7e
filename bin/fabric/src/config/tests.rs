use std::collections::HashMap;

use figment::providers::{Format, Toml};

use super::*;

fn loaded(toml: &str, dot_env: &[(&str, &str)], environment: &[(&str, &str)], flags: &Flags) -> Result<Config> {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let (dot_env, environment): (HashMap<_, _>, HashMap<_, _>) = (map(dot_env), map(environment));
    read(&Figment::new().merge(Toml::string(toml)), &dot_env, &environment, flags)
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

#[test]
fn what_makes_no_sense_is_named_and_its_value_is_not() {
    let told = |toml, environment: &[_]| loaded(toml, &[], environment, &Flags::default()).unwrap_err().message;
    for (toml, environment, name) in [
        ("[server]\nprot = 1", &[][..], "prot"),
        ("[sever]\nport = 1", &[], "sever"),
        ("[server]\nport = \"hunter2\"", &[], "server.port"),
        ("[server", &[], ""),
        ("", &[("PORT", "hunter2")], "PORT"),
        ("", &[("PORT", "70000")], "server.port"),
        ("", &[("FABRIC_ENV", "hunter2")], "runtime.env"),
        ("", &[("FABRIC_DEV_MODE", "hunter2")], "FABRIC_DEV_MODE"),
        ("[auth]\noauth_signing_secret = 424242424242", &[], "auth.oauth_signing_secret"),
    ] {
        let message = told(toml, environment);
        assert!(message.contains(name), "{toml} {environment:?}: {message}");
        assert!(!message.contains("hunter2") && !message.contains("424242"), "{message}");
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
    let secrets: Vec<_> = variables.iter().map(|setting| (setting.variables[0], "hunter2hunter2")).collect();
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
