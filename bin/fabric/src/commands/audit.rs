//! `fabric audit`: what happened, at the console.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use audit::{Filter, Link};
use http::audit_export::AuditFormat;
use kernel::{
    Code, Error, Page, Result, Timestamp,
    id::{EventId, OrganizationId},
};
use platform::{Broken, KnownEnd, Platform, Verification};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    arguments::{Audit, AuditCommand, ExportAudit, VerifyAudit},
    config::Config,
    output::Output,
    start::start,
};

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database; `conflict` when the record does not hold.
pub async fn run(config: &Config, audit: Audit, show: Output) -> Result<()> {
    let platform = start(config).await?.for_operator();
    match audit.command {
        AuditCommand::Export(which) => export(&platform, &which, show).await,
        AuditCommand::Verify(known) => verify(&platform, &known, show).await,
    }
}

async fn export(platform: &Platform, which: &ExportAudit, show: Output) -> Result<()> {
    let format = AuditFormat::parse(&which.format)?;
    let app = match &which.app {
        Some(named) => Some(platform.operator_app(named).await?),
        None => None,
    };
    let wrong = |_| Error::because(Code::InvalidParameter, "Give the organization by its id.");
    let organization: Option<OrganizationId> =
        which.organization.as_deref().map(|id| id.parse().map_err(wrong)).transpose()?;
    let filter = Filter {
        action: which.action.as_deref().map(|kind| match kind.strip_suffix('*') {
            Some(beginning) => (beginning.to_owned(), true),
            None => (kind.to_owned(), false),
        }),
        since: which.since.as_deref().map(moment).transpose()?,
        until: which.until.as_deref().map(moment).transpose()?,
        ..Filter::default()
    };
    let mut out = sink(which.output.as_deref())?;
    let written = |done: std::io::Result<()>| done.map_err(|error| unwritable(&error));
    written(out.write_all(&format.begin()?))?;
    let (mut after, mut count): (Option<EventId>, u64) = (None, 0);
    loop {
        let page = Page::new(after, 0, Page::<EventId>::LARGEST)?;
        let listed = platform.operator_audit_log(organization, app, filter.clone(), page).await?;
        for entry in listed.items {
            written(out.write_all(&format.line(entry)?))?;
            count += 1;
        }
        after = listed.next;
        if after.is_none() {
            break;
        }
    }
    written(out.flush())?;
    if let Some(file) = &which.output {
        let file = file.display().to_string();
        show.say(&json!({ "entries": count, "file": file }), || format!("Wrote {count} entries to {file}."));
    }
    Ok(())
}

fn sink(file: Option<&Path>) -> Result<Box<dyn Write>> {
    match file {
        Some(file) => {
            // Nothing that is there is lost.
            let made = File::create_new(file).map_err(|error| unwritable(&error))?;
            Ok(Box::new(BufWriter::new(made)))
        }
        None => Ok(Box::new(BufWriter::new(std::io::stdout()))),
    }
}

fn unwritable(error: &std::io::Error) -> Error {
    Error::because(Code::Conflict, format!("The export can't be written: {error}."))
}

pub(super) fn moment(text: &str) -> Result<Timestamp> {
    let wrong = |_| Error::because(Code::InvalidParameter, "Give a time such as 2026-04-05T12:00:00Z.");
    serde_json::from_value(Value::String(text.to_owned())).map_err(wrong)
}

async fn verify(platform: &Platform, known: &VerifyAudit, show: Output) -> Result<()> {
    let known = known.end.iter().map(|end| known_end(end)).collect::<Result<_>>()?;
    // No server need run meanwhile, and what was done at the console waits for a place as well.
    loop {
        match platform.sequence().await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(code = error.code.as_str(), cause = ?error.cause, "entries get no positions");
                break;
            }
        }
    }
    let found = platform.verify_audit_log(known).await?;
    show.say(&as_json(&found), || as_text(&found));
    if found.broken.is_empty() {
        return Ok(());
    }
    Err(Error::because(Code::Conflict, "The record of what happened does not hold."))
}

/// `<chain>:<position>:<link>`, as the log has them.
fn known_end(text: &str) -> Result<KnownEnd> {
    let parse = || {
        let mut parts = text.split(':');
        let (chain, position, link) = (parts.next()?, parts.next()?, parts.next()?);
        let chain = Uuid::parse_str(chain).ok()?;
        Some(KnownEnd { chain, position: position.parse().ok()?, link: Link::from_hex(link)? })
    };
    let wrong = || Error::because(Code::InvalidParameter, "Give an end as the log has it: CHAIN:POSITION:LINK.");
    parse().ok_or_else(wrong)
}

fn as_json(found: &Verification) -> Value {
    let broken = |broken: &Broken| {
        json!({
            "chain": broken.chain, "entry": broken.entry, "position": broken.position, "why": broken.why.describe(),
        })
    };
    json!({
        "holds": found.broken.is_empty(),
        "chains": found.chains,
        "entries": found.entries,
        "broken": found.broken.iter().map(broken).collect::<Vec<_>>(),
    })
}

fn as_text(found: &Verification) -> String {
    if found.broken.is_empty() {
        return format!("{} entries in {} chains: nobody has changed them.", found.entries, found.chains);
    }
    let line = |broken: &Broken| {
        let entry = broken.entry.map_or_else(|| "the end".to_owned(), |entry| format!("entry {entry}"));
        format!("{}: {entry}, position {}: {}", broken.chain, broken.position, broken.why.describe())
    };
    found.broken.iter().map(line).collect::<Vec<_>>().join("\n")
}
