//! The catalogue of events for people: what the closed table of kinds says, as Markdown.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use kernel::{
    EventKind,
    event::{Field, PERSONAL, Presence},
};

const BEGINNING: &str = "\
# Events

Every kind of event there is: what [webhooks](webhooks.md), [streams](streaming.md) and the [audit log](audit.md) tell of.
This page is generated from the table that the server checks its events against: `cargo xtask events --write`.

An event is

```json
{
  \"id\": \"01a20360-5189-708e-be81-e9a7705ac473\",
  \"kind\": \"team.created\",
  \"event\": \"team.created\",
  \"organization_id\": \"01a20360-4d11-7aa0-9a55-7c1b7e1a2f10\",
  \"app_id\": null,
  \"actor_id\": \"7b0c6a1e-8f5e-4a57-9d0c-3f0f6f6e1a11\",
  \"payload\": { \"team_id\": \"01a20360-5181-7b6e-8e5f-0d3f5c2f7a01\", \"name\": \"Crew\", \"slug\": \"crew\" },
  \"timestamp\": \"2026-11-22T13:09:33.000022Z\"
}
```

`event` is `kind` once more. `actor_id` is who did it, `null` for the server and for the operator at the console.
`organization_id` and `app_id` say where; `app_id` is `null` on the platform itself.

A value of a payload may be `null` where it says so; what is there *if there is one* is missing else, or `null`. **`email`
and `display_name` are missing** once the person whom they tell of was deleted. A later version may add kinds and fields:
pass over what you do not know.
";

/// What the areas are called, in their order, and who hears of what happens there. An area is how its kinds begin.
const AREAS: [(&str, &str, &str); 18] = [
    ("auth", "Signing in", APPS),
    ("user", "Accounts", APPS),
    ("organization", "Organizations", ORGANIZATIONS),
    ("membership", "Members", ORGANIZATIONS),
    ("invitation", "Invitations", ORGANIZATIONS),
    ("team", "Teams", ORGANIZATIONS),
    ("role", "Roles", ORGANIZATIONS),
    ("permission", "Grants", ORGANIZATIONS),
    ("access", "Refusals", ORGANIZATIONS),
    ("app", "Apps", "Endpoints of the organization that owns the app."),
    ("api_key", "API keys", ORGANIZATIONS),
    ("service_account", "Service accounts", ORGANIZATIONS),
    ("oauth_client", "OAuth clients", ORGANIZATIONS),
    ("secret", "Secrets of organizations", ORGANIZATIONS),
    ("asset", "Assets", ORGANIZATIONS),
    ("concurrency_limit", "Limits", "Those of the organization that it is set for; where it is for all, nobody."),
    ("webhook", "Endpoints", ORGANIZATIONS),
    ("signing_key", "Signing keys", "Nobody: what the platform keeps for itself is in its own audit log."),
];

const APPS: &str = "Endpoints of the organization that owns the app. The platform's own accounts belong to no app: of \
                    them\nstreams and the audit log tell, and no endpoint.";

const ORGANIZATIONS: &str = "Endpoints of the organization, and of the one that owns its app.";

/// The catalogue.
///
/// # Errors
/// Never: text is written into memory.
pub fn catalogue() -> Result<String, fmt::Error> {
    let mut page = BEGINNING.to_owned();
    for (area, title, hearers) in AREAS {
        let kinds =
            EventKind::ALL.iter().filter(|kind| kind.as_str().split_once('.').is_some_and(|(of, _)| of == area));
        write!(page, "\n## {title}\n\n{hearers}\n\n| kind | when | payload |\n|---|---|---|\n")?;
        for kind in kinds {
            let fields: Vec<_> = kind.fields().iter().map(told).collect();
            let payload = if fields.is_empty() { "nothing".to_owned() } else { fields.join(", ") };
            writeln!(page, "| `{}` | {}{} | {payload} |", kind.as_str(), kind.summary(), exception(*kind))?;
        }
    }
    page.push_str("\n## Fields\n\n| field | type | what |\n|---|---|---|\n");
    let fields = EventKind::ALL.iter().flat_map(|kind| kind.fields());
    for Field { name, value, meaning, .. } in
        fields.map(|field| (field.name, field)).collect::<BTreeMap<_, _>>().values()
    {
        let personal = if PERSONAL.contains(name) { "; missing once the person was deleted" } else { "" };
        writeln!(page, "| `{name}` | {} | {meaning}{personal} |", value.name())?;
    }
    page.push_str(
        "\nAn *id* is a UUID, a *time* is written as RFC 3339 does, in UTC. What is *with the token* is only where the \
         token may\ngo: see [whose events](webhooks.md#whose-events).\n",
    );
    Ok(page)
}

fn told(field: &Field) -> String {
    let presence = match field.presence {
        Presence::Always => "",
        Presence::OrNull => " or null",
        Presence::Sometimes => " (if there is one)",
        Presence::WithToken => " (with the token)",
    };
    format!("`{}` {}{presence}", field.name, field.value.name())
}

/// What is not heard by whoever hears the others of its area.
fn exception(kind: EventKind) -> &'static str {
    match kind {
        _ if kind.carries_token() => " **Only endpoints that are bound to the app.**",
        EventKind::WebhookTest => " **Only that endpoint.**",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_there_once() {
        let page = catalogue().unwrap();
        for kind in EventKind::ALL {
            assert_eq!(page.matches(&format!("\n| `{}` |", kind.as_str())).count(), 1, "{}", kind.as_str());
        }
        for (area, ..) in AREAS {
            assert!(page.contains(&format!("\n| `{area}.")), "{area}");
        }
    }

    #[test]
    fn one_name_has_one_type_and_one_meaning() {
        let fields: Vec<_> = EventKind::ALL.iter().flat_map(|kind| kind.fields()).collect();
        for one in &fields {
            let same =
                |other: &&&Field| other.name == one.name && (other.value, other.meaning) != (one.value, one.meaning);
            assert_eq!(fields.iter().find(same), None, "{}", one.name);
        }
    }
}
