//! `fabric user import`: people from another system.

mod records;
mod shapes;

use std::{
    collections::HashSet,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use kernel::{Code, Email, Error, Metadata, Name, Result, id::AppId};
use platform::{Imported, ImportedUser, Platform};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    arguments::ImportUsers,
    output::{Output, one_line},
};
use records::Records;
use shapes::Found;

/// So many lines that were not imported are said in full; the report has all of them.
const SHOWN: usize = 20;

/// What came of a file.
#[derive(Default, Serialize)]
struct Summary {
    dry_run: bool,
    read: u64,
    created: u64,
    /// Of those: people whose password could not be taken along. They ask for another one by mail.
    without_password: u64,
    exists: u64,
    failed: u64,
    /// The first of what failed, or came without its password.
    problems: Vec<Value>,
}

/// Runs it.
///
/// # Errors
/// What the file is not; and, once it is read, that people in it were not imported.
pub async fn run(platform: &Platform, app: Option<AppId>, wanted: &ImportUsers, show: Output) -> Result<()> {
    let mut records = Records::open(&wanted.file, wanted.format)?;
    let mut report = wanted.report.as_deref().map(create).transpose()?;
    let mut summary = Summary { dry_run: wanted.dry_run, ..Summary::default() };
    let mut to_come = HashSet::new();
    while let Some((line, record)) = records.next() {
        summary.read += 1;
        let found = record.and_then(|record| shapes::find(wanted.from, &record));
        let outcome = import(platform, app, found, wanted.dry_run.then_some(&mut to_come), &mut summary).await?;
        let Value::Object(mut outcome) = outcome else { continue };
        outcome.insert("line".to_owned(), line.into());
        let outcome = Value::Object(outcome);
        if outcome.get("why").is_some() && summary.problems.len() < SHOWN {
            summary.problems.push(outcome.clone());
        }
        if let Some(report) = &mut report {
            writeln!(report, "{}", one_line(&outcome.to_string()))
                .map_err(|error| not_written(wanted.report.as_deref(), error))?;
        }
    }
    if let Some(mut report) = report {
        report.flush().map_err(|error| not_written(wanted.report.as_deref(), error))?;
    }
    show.say(&summary, || in_words(&summary));
    if summary.failed == 0 {
        return Ok(());
    }
    let why = format!("{} of {} people were not imported.", summary.failed, summary.read);
    // Not what was asked for is wrong, but what is in the file.
    Err(Error::because(Code::Conflict, why))
}

/// Imports one of them, and says what came of it. In a dry run there are those before them, who are not there yet and would
/// be by then.
async fn import(
    platform: &Platform,
    app: Option<AppId>,
    found: std::result::Result<Found, String>,
    dry: Option<&mut HashSet<Email>>,
    summary: &mut Summary,
) -> Result<Value> {
    let failed = |summary: &mut Summary, email: Option<&str>, why: &str| {
        summary.failed += 1;
        json!({ "outcome": "failed", "email": email, "why": why })
    };
    let found = match found {
        Ok(found) => found,
        Err(why) => return Ok(failed(summary, None, &why)),
    };
    let email = found.email.clone();
    let (password, lost) = match found.password.clone() {
        None => (None, None),
        Some(Ok(password)) => (Some(password), None),
        Some(Err(why)) => (None, Some(why)),
    };
    let user = match user(app, found, password) {
        Ok(user) => user,
        Err(error) => return Ok(failed(summary, Some(&email), &error.message)),
    };
    let without = user.password.is_none();
    let address = user.email.clone();
    let imported = match platform.operator_import_user(user, dry.is_some()).await {
        // Somebody was faster.
        Err(error) if error.code == Code::EmailTaken => Imported::Exists,
        imported => imported?,
    };
    let would_be = dry.filter(|_| matches!(imported, Imported::Made(_)));
    let again = would_be.is_some_and(|to_come| !to_come.insert(address));
    let imported = if again { Imported::Exists } else { imported };
    Ok(match imported {
        Imported::Exists => {
            summary.exists += 1;
            json!({ "outcome": "exists", "email": email })
        }
        Imported::Made(account) => {
            summary.created += 1;
            summary.without_password += u64::from(without);
            let id = account.map(|account| account.principal);
            let mut made = json!({ "outcome": "created", "email": email, "principal_id": id, "password": !without });
            if let (Some(why), Some(made)) = (lost, made.as_object_mut()) {
                made.insert("why".to_owned(), why.into());
            }
            made
        }
    })
}

fn user(app: Option<AppId>, found: Found, password: Option<identity::PasswordHash>) -> Result<ImportedUser> {
    Ok(ImportedUser {
        app,
        email: Email::parse(&found.email)?,
        verified: found.verified,
        password,
        display_name: found.display_name.as_deref().map(Name::parse).transpose()?,
        metadata: Metadata::parse(Value::Object(found.metadata))?,
        disabled: found.disabled,
    })
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    // Never in place of something, which may be the file that is read.
    File::create_new(path).map(BufWriter::new).map_err(|error| not_written(Some(path), error))
}

fn not_written(path: Option<&Path>, error: std::io::Error) -> Error {
    let path = path.unwrap_or(Path::new("the report")).display();
    Error::because(Code::InvalidRequest, format!("{path} cannot be written.")).caused_by(error)
}

fn in_words(summary: &Summary) -> String {
    let Summary { read, created, without_password, exists, failed, .. } = summary;
    let mut lines: Vec<_> = summary
        .problems
        .iter()
        .map(|problem| {
            let text = |name: &str| one_line(problem.get(name).and_then(Value::as_str).unwrap_or("?"));
            let line = problem.get("line").and_then(Value::as_u64).unwrap_or_default();
            format!("line {line}: {}: {}: {}", text("email"), text("outcome"), text("why"))
        })
        .collect();
    let done = if summary.dry_run { "would be created" } else { "created" };
    lines.push(format!(
        "{read} read: {created} {done} ({without_password} of them without a password), {exists} there already, {failed} \
         failed."
    ));
    lines.join("\n")
}
