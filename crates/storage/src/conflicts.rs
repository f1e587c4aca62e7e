//! What the caller is told when a unique constraint does not hold.

use kernel::Code;

/// The code for a constraint, by its name on PostgreSQL. `None` for what no caller can bring about.
pub fn code(constraint: &str) -> Option<Code> {
    match constraint {
        "accounts_app_id_email_key" | "accounts_email_key" => Some(Code::EmailTaken),
        "organizations_app_id_slug_key"
        | "organizations_slug_key"
        | "apps_owner_organization_id_slug_key"
        | "teams_organization_id_slug_key" => Some(Code::SlugTaken),
        "invitations_organization_id_email_key" => Some(Code::DuplicateInvitation),
        "accounts_principal_id_app_id_key"
        | "accounts_principal_id_key"
        | "links_app_id_provider_subject_key"
        | "links_provider_subject_key"
        | "memberships_organization_id_principal_id_key"
        | "principals_email_key"
        | "passkeys_app_id_credential_id_key"
        | "passkeys_credential_id_key"
        | "roles_organization_id_name_key"
        | "signing_keys_state_key"
        | "signing_secrets_organization_id_key" => Some(Code::Conflict),
        _ => None,
    }
}

/// SQLite tells no names but columns, as in `UNIQUE constraint failed: accounts.app_id, accounts.email`: makes the name
/// that the constraint has on PostgreSQL of it.
pub fn name(message: &str) -> Option<String> {
    let (_, columns) = message.split_once(": ")?;
    let (table, _) = columns.split_once('.')?;
    let columns: Option<Vec<_>> = columns.split(", ").map(|column| Some(column.split_once('.')?.1)).collect();
    Some(format!("{table}_{}_key", columns?.join("_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_says_becomes_the_constraints_name() {
        let said = "UNIQUE constraint failed: accounts.app_id, accounts.email";
        assert_eq!(name(said).as_deref(), Some("accounts_app_id_email_key"));
        assert_eq!(name("UNIQUE constraint failed: apps.slug").as_deref(), Some("apps_slug_key"));
        assert_eq!(name("UNIQUE constraint failed: index 'x'"), None);
        assert_eq!(name("database is locked"), None);
    }
}
