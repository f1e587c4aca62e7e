//! The catalogue of actions for people: what the closed table says, as Markdown.

use std::fmt::{self, Write as _};

use crate::action;

const BEGINNING: &str = "\
# Actions

<!-- Generated from crates/authz/src/action.rs: `cargo xtask actions --write` writes it anew. -->

What may be allowed and denied: by [roles, grants](permissions.md) and the [scopes](api-keys.md#scopes) of API keys. A role
has what those below it have: `owner` > `admin` > `member` > `viewer`. An app may do to itself, with a token of its own,
what says so in the last column.

| action | least role | key scope | what it is | by the app itself |
|---|---|---|---|---|
";

/// The catalogue.
///
/// # Errors
/// Never: text is written into memory.
pub fn catalogue() -> Result<String, fmt::Error> {
    let mut page = BEGINNING.to_owned();
    for entry in action::ALL {
        let by_app = if entry.by_app { "yes" } else { "" };
        let about = entry.about.trim();
        writeln!(page, "| `{}` | {} | `{}` | {about} | {by_app} |", entry.name, entry.least, entry.scope)?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_row() {
        let page = catalogue().unwrap();
        for entry in action::ALL {
            assert_eq!(page.matches(&format!("\n| `{}` | ", entry.name)).count(), 1, "{}", entry.name);
        }
        assert!(page.contains("\n| `audit.read` | admin | `audit:read` | See what happened. | yes |\n"));
    }
}
