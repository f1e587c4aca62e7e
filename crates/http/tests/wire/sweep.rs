//! Every route of the table against everyone who must not get through it, and everyone who must. What is expected comes
//! from what the route itself declares, so that a new route is in the sweep the moment it exists.

mod bad_credentials;
mod cast;
pub mod made;
mod subject;
mod things;

use std::collections::{BTreeMap, BTreeSet, btree_map};

use authz::action;
use fabric_http::{
    Access,
    routes::{self, Entry},
};
use serde_json::Value;

use self::{
    cast::{Cast, Through},
    subject::{Kind, Subject, body},
};
use crate::support::{Answer, Call, World};

on_both!(
    a_bad_credential_opens_no_route,
    what_is_for_the_scraper_is_for_nobody_else,
    a_public_route_does_not_look_at_credentials,
    everybody_who_is_known_gets_what_needs_nothing_more,
    only_a_person_with_their_own_token_passes_where_that_is_asked,
    an_action_is_for_those_whom_the_action_table_names,
    attack_37_what_is_anothers_is_answered_like_what_does_not_exist,
    attack_39_what_is_offered_to_somebody_is_for_nobody_else,
    a_method_that_a_path_does_not_take_is_refused_in_the_envelope,
    a_path_that_does_not_exist_is_refused_in_the_envelope,
);

const BROKEN: &str = r#"{"name": "#;

/// Every route that asks for somebody, whoever it is.
fn guarded() -> impl Iterator<Item = Entry> {
    routes::table().into_iter().filter(|entry| !matches!(entry.access, Access::Public | Access::Scraper))
}

/// What a route is about.
fn about(entry: &Entry) -> Kind {
    entry.resource.unwrap_or_else(|| panic!("{} {} is about nothing: say it in Resource::of", entry.method, entry.path))
}

/// The action of a route, where it declares one.
fn action_of(entry: &Entry) -> Option<&'static action::Entry> {
    let Access::Action(name) = entry.access else { return None };
    let found = action::find(name);
    Some(found.unwrap_or_else(|| panic!("{} declares {name}, which is no action", entry.path)))
}

/// The same call for every route: nobody looks at what they do not know.
fn call<'a>(world: &'a World, entry: &Entry, subject: &Subject) -> Call<'a> {
    world.call(entry.method.as_str(), &subject.path(entry)).json(&body(subject))
}

async fn a_bad_credential_opens_no_route(world: &World) {
    let bad = bad_credentials::all(world).await;
    for entry in guarded() {
        let path = Subject::anything().path(&entry);
        // Who shows nothing at all may have a token in the body.
        let in_the_body = matches!(entry.access, Access::Invited | Access::SignedInOrChallenged);
        let shown = bad.iter().filter(|bad| !in_the_body || bad.shows_something());
        for bad in shown {
            // The body is not even looked at.
            let call = world.call(entry.method.as_str(), &path).body(BROKEN);
            let answer = bad.show(call).send().await;
            let told = (answer.status, answer.code());
            // There, Basic is a scheme like any other, and who shows it is told so.
            let basic = entry.access == Access::Vouching && told.1 == "invalid_client";
            let code = if basic { "invalid_client" } else { bad.code };
            assert_eq!(told, (401, code), "{} at {} {}: {answer:?}", bad.what, entry.method, entry.path);
        }
    }
}

async fn what_is_for_the_scraper_is_for_nobody_else(world: &World) {
    let world = &world.restarted_with(|plan| plan.options.metrics_token = Some("scrape-0123456789".into())).await;
    let bad = bad_credentials::all(world).await;
    let cast = Cast::new(world).await;
    let everybody = cast.everybody(world, None).await;
    for entry in routes::table().iter().filter(|entry| entry.access == Access::Scraper) {
        let call = || world.call(entry.method.as_str(), entry.path);
        for bad in &bad {
            assert_eq!(bad.show(call()).send().await.status, 401, "{} at {}", bad.what, entry.path);
        }
        for someone in &everybody {
            let answer = call().bearer(&someone.bearer).send().await;
            assert_eq!(answer.status, 401, "{} at {}", someone.name, entry.path);
        }
    }
}

async fn a_public_route_does_not_look_at_credentials(world: &World) {
    let bad = bad_credentials::all(world).await;
    for entry in routes::table().iter().filter(|entry| entry.access == Access::Public) {
        let call = || call(world, entry, &Subject::anything());
        let plain = call().raw().await;
        for bad in &bad {
            let shown = bad.show(call()).raw().await;
            assert_eq!(shown.status, plain.status, "{} at {} {}", bad.what, entry.method, entry.path);
        }
    }
}

async fn everybody_who_is_known_gets_what_needs_nothing_more(world: &World) {
    let cast = Cast::new(world).await;
    for entry in routes::table().iter().filter(|entry| entry.access == Access::Authenticated) {
        for someone in cast.everybody(world, None).await {
            let answer = call(world, entry, &Subject::anything()).bearer(&someone.bearer).send().await;
            assert!(answer.is_success(), "{}: {answer:?}", someone.name);
            assert_eq!(answer.body["context"]["principal_id"], someone.id, "{}", someone.name);
        }
    }
}

async fn only_a_person_with_their_own_token_passes_where_that_is_asked(world: &World) {
    let cast = Cast::new(world).await;
    let everybody = cast.everybody(world, None).await;
    let asks = |entry: &&Entry| matches!(entry.access, Access::SignedIn | Access::SignedInOrChallenged);
    for entry in routes::table().iter().filter(asks) {
        let subject = Subject::anything();
        for someone in everybody.iter().filter(|someone| someone.through != Through::Session) {
            let answer = world.call(entry.method.as_str(), &subject.path(entry)).body(BROKEN);
            answer.bearer(&someone.bearer).send().await.refused(403, "session_required");
        }
        // Some of these routes end what they are called with.
        for app in [None, Some(&cast.app)] {
            let person = world.sign_up(app, &subject::fresh_name()).await;
            let answer = call(world, entry, &subject).by(&person).send().await;
            let refused = answer.status == 401 || answer.code() == "session_required";
            assert!(!refused, "{} {}: {answer:?}", entry.method, entry.path);
        }
    }
}

async fn an_action_is_for_those_whom_the_action_table_names(world: &World) {
    let cast = Cast::new(world).await;
    let document = document();
    for entry in guarded() {
        let Some(action) = action_of(&entry) else { continue };
        let (kind, done) = (about(&entry), status_when_done(&document, &entry));
        let before = cast.look_at(world, kind).await;
        let mut welcome = Vec::new();
        for someone in cast.everybody(world, Some(action)).await {
            let Err(refused) = someone.expected(&entry, kind, action) else {
                welcome.push(someone);
                continue;
            };
            let answer = call(world, &entry, &cast.untouched(kind)).bearer(&someone.bearer).any().await;
            assert_eq!((answer.status, answer.code()), refused, "{} at {}: {answer:?}", someone.name, entry.path);
        }
        assert_eq!(cast.look_at(world, kind).await, before, "{} {}", entry.method, entry.path);
        for someone in welcome {
            let (subject, bearer) = cast.fresh(world, kind, &someone).await;
            let noted = || world.number("SELECT count(*) FROM events");
            let noted_before = noted();
            let answer = call(world, &entry, &subject).bearer(&bearer).any().await;
            assert_eq!(answer.status, done, "{} at {} {}: {answer:?}", someone.name, entry.method, entry.path);
            // Whatever changes is told of. There is nothing to undo in what is fresh; and what keys share is changed once.
            let undoes = ["/restore", "/enable", "/resume", "/cancel-deletion", "/totp"]
                .iter()
                .any(|end| entry.path.ends_with(end));
            let shared = kind == Kind::Organization && someone.through == Through::Key;
            // A report of what was run is a ledger of its own.
            let reports = action.name == "usage.record";
            let told = noted() > noted_before;
            let silent = !action.changes() || undoes || shared || reports;
            assert!(told || silent, "{} {} tells nobody", entry.method, entry.path);
        }
    }
    // And so that it can be found.
    assert_eq!(world.number("SELECT count(*) FROM events WHERE resource_id IS NULL"), 0);
}

/// What the OpenAPI document says.
fn document() -> Value {
    serde_json::from_str(&fabric_http::openapi().to_json().unwrap()).unwrap()
}

/// The status that a route's own description promises when all goes well.
fn status_when_done(document: &Value, entry: &Entry) -> u16 {
    let method = entry.method.as_str().to_lowercase();
    let responses = document["paths"][entry.path][method]["responses"].as_object().unwrap();
    let mut promised = responses.keys().filter_map(|status| status.parse().ok());
    promised.next().unwrap_or_else(|| panic!("{} {} promises nothing", entry.method, entry.path))
}

async fn attack_37_what_is_anothers_is_answered_like_what_does_not_exist(world: &World) {
    let cast = Cast::new(world).await;
    for entry in guarded() {
        let Some(action) = action_of(&entry) else { continue };
        let kind = about(&entry);
        let foreign = cast.foreign(world, kind).await;
        for someone in cast.everybody(world, Some(action)).await.iter().filter(|someone| someone.typical) {
            let ask = |subject| call(world, &entry, subject).bearer(&someone.bearer).any();
            // What does not exist looks the same every time.
            let mut absent: BTreeMap<[&str; 3], Answer> = BTreeMap::new();
            for thing in &foreign {
                if thing.administrators_see_it && someone.administrator {
                    continue;
                }
                let Subject { id, part, within } = &thing.absent;
                let names = [id.as_str(), part, within];
                let absent = match absent.entry(names) {
                    btree_map::Entry::Occupied(known) => known.into_mut(),
                    btree_map::Entry::Vacant(new) => new.insert(ask(&thing.absent).await),
                };
                let told = ask(&thing.subject).await;
                let at = format!("{} by {} at {} {}: {told:?}", thing.what, someone.name, entry.method, entry.path);
                // An app that names another means itself all the same.
                if absent.is_success() && someone.through == Through::App {
                    assert!(told.is_success(), "{at}");
                    continue;
                }
                if thing.what == "no id" && ["forbidden", "user_required"].contains(&absent.code()) {
                    // Nobody need be allowed anything to be told that this names nothing.
                    told.refused(404, "not_found");
                    continue;
                }
                assert_eq!(told.told(), absent.told(), "{at}");
                assert!([403, 404].contains(&told.status), "{at}");
            }
        }
    }
}

/// What is offered to one person is for nobody else, whatever they may do to the offer itself.
async fn attack_39_what_is_offered_to_somebody_is_for_nobody_else(world: &World) {
    let cast = Cast::new(world).await;
    let offered = |entry: &Entry| entry.access == Access::Invited;
    for entry in routes::table().iter().filter(|entry| offered(entry)) {
        let before = cast.look_at(world, Kind::Invitation).await;
        for someone in cast.everybody(world, None).await {
            let ask = |subject| call(world, entry, subject).bearer(&someone.bearer).send();
            let (absent, told) = (ask(&Subject::anything()).await, ask(&cast.untouched(Kind::Invitation)).await);
            let at = format!("{} at {}: {told:?}", someone.name, entry.path);
            assert!(!absent.is_success() && !told.is_success(), "{at}");
            // Through another app, or without an account, it does not exist.
            let me = world.get("/v1/me").bearer(&someone.bearer).send().await;
            let may_know = me.ok()["app_id"] == cast.app.id.to_string();
            assert!(told.told() == absent.told() || may_know && told.code() == "forbidden", "{at}");
        }
        assert_eq!(cast.look_at(world, Kind::Invitation).await, before, "{}", entry.path);
    }
}

async fn a_method_that_a_path_does_not_take_is_refused_in_the_envelope(world: &World) {
    let mut taken: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for entry in routes::table() {
        taken.entry(entry.path).or_default().insert(entry.method.to_string());
    }
    for (path, methods) in taken {
        let path = path.replace(['{', '}'], "");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"] {
            if methods.contains(method) {
                continue;
            }
            let answer = world.call(method, &path).body(BROKEN).send().await;
            answer.refused(405, "method_not_allowed");
            let allow = answer.header("allow").unwrap().split(", ").map(str::to_owned);
            assert_eq!(allow.collect::<BTreeSet<_>>(), methods, "{path}");
        }
    }
}

async fn a_path_that_does_not_exist_is_refused_in_the_envelope(world: &World) {
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nowhere",
        "/v1/me/",
        "//v1/me",
        "/v1//me",
        "/V1/ME",
        "/v1/me/../me",
        "/v1/%6De%2f",
        "/v1/me%00",
        "/v1/me%0d%0aX-Evil:1",
        "/v1/%ff",
        "/v1/apps/x/y/z",
        "/v1/organizations//",
        "/.env",
        "/v1/me;x=1",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let told = world.call(method, path).body(BROKEN).send().await;
            assert_eq!(told.status, 404, "{told:?}");
            told.refused(404, "not_found");
        }
    }
}
