//! `fabric member`: who belongs to an organization, at the console.

use kernel::{Email, Name, Page, Result, id::MembershipId};
use platform::{OperatorMember, Platform, RoleChoice};
use serde_json::{Value, json};
use tenancy::Organization;

use super::organization::{after, named};
use crate::{
    arguments::{ListMembers, Member, MemberCommand, Within},
    config::Config,
    output::Output,
    start::start,
};

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database.
pub async fn run(config: &Config, member: Member, show: Output) -> Result<()> {
    let platform = start(config).await?.platform;
    match member.command {
        MemberCommand::List(which) => list(&platform, &which, show).await,
        MemberCommand::SetRole(set) => {
            let (who, choice) = (OperatorMember::parse(&set.one.member)?, RoleChoice::parse(&set.role)?);
            let place = place(&platform, &set.one.within).await?;
            let changed = platform.operator_set_role(place.id, who, choice).await?;
            show.say(&as_json(&changed), || format!("Made {} {} in {}.", set.one.member, changed.role(), place.slug));
            Ok(())
        }
        MemberCommand::Remove(one) => {
            let who = OperatorMember::parse(&one.member)?;
            let place = place(&platform, &one.within).await?;
            platform.operator_remove_member(place.id, who).await?;
            let removed = json!({ "removed": one.member, "organization_id": place.id });
            show.say(&removed, || format!("Removed {} from {}.", one.member, place.slug));
            Ok(())
        }
    }
}

async fn place(platform: &Platform, within: &Within) -> Result<Organization> {
    named(platform, within.app.as_deref(), &within.organization).await
}

async fn list(platform: &Platform, which: &ListMembers, show: Output) -> Result<()> {
    let place = place(platform, &which.within).await?;
    let page = Page::new(after::<MembershipId>(which.cursor.as_deref())?, 0, which.limit)?;
    let listed = platform.operator_members(place.id, page).await?;
    let items: Vec<_> = listed.items.iter().map(as_json).collect();
    let next = listed.next.map(|next| next.to_string());
    show.say(&json!({ "items": items, "next_cursor": next }), || {
        let mut lines: Vec<_> = listed.items.iter().map(as_line).collect();
        lines.extend(next.iter().map(|next| format!("There are more: --cursor {next}")));
        if lines.is_empty() { "Nobody belongs to it.".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

fn as_line(member: &platform::Member) -> String {
    let email = member.email.as_ref().map_or("-", Email::as_str);
    format!("{}  {email}  {}", member.membership.principal, member.role())
}

fn as_json(member: &platform::Member) -> Value {
    json!({
        "id": member.membership.id,
        "principal_id": member.membership.principal,
        "organization_id": member.membership.organization,
        "role": member.role(),
        "email": member.email.as_ref().map(Email::as_str),
        "display_name": member.display_name.as_ref().map(Name::as_str),
        "created_at": member.membership.created_at,
    })
}
