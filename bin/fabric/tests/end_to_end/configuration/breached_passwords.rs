//! Whom the operator names to be asked about published passwords.

use serde_json::json;
use testbed::sink::{Reply, Sink};

use crate::support::{PASSWORD, Site, new_email};

on_both!(a_published_password_is_refused_by_the_server_and_at_the_console, what_is_no_place_to_ask_is_refused_at_start);

/// Of the SHA-1 of [`PASSWORD`] what is not told.
const REST: &str = "851173D2C9EF4A0E79FDC54DA5B5EFDE6CC";

fn a_published_password_is_refused_by_the_server_and_at_the_console(site: &mut Site) {
    let sink = Sink::new(|asked| {
        assert_eq!(asked.path, "/range/CA466");
        Reply::Status(200, format!("{REST}:17\r\n"))
    });
    site.set("FABRIC_BREACHED_PASSWORDS_URL", &format!("http://{}/", sink.address));
    let refused = site.serve().client().post("/v1/auth/signup", &json!({ "email": new_email(), "password": PASSWORD }));
    assert_eq!((refused.status, refused.code().as_str()), (400, "compromised_password"));
    let refused = site.run(&["user", "create", "--email", &new_email(), "--password", PASSWORD, "--json"]);
    assert!(refused.code != 0 && refused.stderr.contains("compromised_password"), "{}", refused.stderr);
    assert_eq!(sink.count(), 2);
    site.unset("FABRIC_BREACHED_PASSWORDS_URL");
    assert_eq!(site.run(&["user", "create", "--email", &new_email(), "--password", PASSWORD]).code, 0);
    assert_eq!(sink.count(), 2);
}

fn what_is_no_place_to_ask_is_refused_at_start(site: &mut Site) {
    for (url, production) in
        [("nonsense", false), ("ftp://example.com", false), ("https://", false), ("http://example.com", true)]
    {
        if production {
            site.set_production();
        }
        let refused = site.set("FABRIC_BREACHED_PASSWORDS_URL", url).refuse();
        assert_eq!(refused.code, 1, "{url}: {}", refused.stderr);
        assert!(refused.stderr.contains("FABRIC_BREACHED_PASSWORDS_URL"), "{url}: {}", refused.stderr);
    }
}
