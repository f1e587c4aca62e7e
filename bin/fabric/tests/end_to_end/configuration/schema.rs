//! Attack 54: a binary and a schema that do not belong together.

use crate::support::{PASSWORD, Site, new_email, sql, until};

on_both!(a_schema_of_a_later_version_is_left_alone, a_schema_that_changes_under_a_server_makes_it_unready);

const LATER: &str = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";

fn a_schema_of_a_later_version_is_left_alone(site: &mut Site) {
    let url = site.database_url.clone().unwrap();
    site.run(&["migrate"]).text();
    sql::execute(&url, LATER);
    let create = ["user", "create", "--email", "a@b.example", "--password", PASSWORD];
    for may_migrate in ["1", "0"] {
        site.set("FABRIC_MIGRATE", may_migrate);
        for refused in [site.refuse(), site.run(&["migrate"]), site.run(&create)] {
            assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
            let said = &refused.stderr;
            assert!(said.contains("9999") && said.contains("later version"), "{said}");
        }
    }
    assert_eq!(sql::count(&url, "SELECT count(*) AS count FROM accounts"), 0);
}

fn a_schema_that_changes_under_a_server_makes_it_unready(site: &Site) {
    let url = site.database_url.clone().unwrap();
    let server = site.serve();
    assert_eq!(server.client().get("/readyz").status, 200);
    sql::execute(&url, LATER);
    let ready = || server.client().get("/readyz");
    let unready = until("the server notices", || Some(ready()).filter(|answer| answer.status != 200));
    assert_eq!((unready.status, unready.code().as_str()), (503, "service_unavailable"));
    // It goes on with what it has, until somebody replaces it.
    server.client().sign_up(&new_email());
    sql::execute(&url, "DELETE FROM __diesel_schema_migrations WHERE version = '9999'");
    until("the server is ready again", || (ready().status == 200).then_some(()));
}
