//! `cargo xtask openapi`, `cargo xtask events` and `cargo xtask actions`: the documents in the repository are those that the server generates.

use std::{
    ffi::OsString,
    fs,
    process::{Command, ExitCode},
};

use crate::{
    Outcome,
    process::{cargo, output, program, require},
    workspace,
};

/// A document that the server prints.
pub struct Document {
    /// Where it is kept.
    file: &'static str,
    /// What the server is asked for it.
    command: &'static [&'static str],
    /// The task that compares and writes it.
    task: &'static str,
}

/// The description of the API.
pub const OPENAPI: Document = Document { file: "docs/openapi.json", command: &["openapi"], task: "openapi" };

/// The catalogue of events.
pub const EVENTS: Document = Document { file: "docs/events.md", command: &["event", "catalogue"], task: "events" };

/// The catalogue of actions.
pub const ACTIONS: Document = Document { file: "docs/actions.md", command: &["actions"], task: "actions" };

/// Compares the two, or with `--write` makes them the same.
pub fn run(document: &Document, arguments: Vec<OsString>) -> Outcome<ExitCode> {
    let Document { file, task, .. } = document;
    let mut arguments = pico_args::Arguments::from_vec(arguments);
    let write = arguments.contains("--write");
    crate::nothing_more(&arguments.finish())?;

    let generated = generate(document)?;
    let path = workspace::root().join(file);
    if write {
        fs::write(&path, &generated).map_err(|error| format!("{file}: {error}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept == generated {
        return Ok(ExitCode::SUCCESS);
    }
    show_difference(file, &generated)?;
    eprintln!("{file} is not what the server says: run `cargo xtask {task} --write` and review the change.");
    Ok(ExitCode::FAILURE)
}

/// What the server of this checkout prints. It is built in the shape of the tests, so that nothing is built twice.
fn generate(document: &Document) -> Outcome<String> {
    require(cargo().args(["build", "--quiet", "--workspace", "--all-targets"]))?;
    let server = workspace::target_folder()?.join("debug/fabric");
    let printed = output(program(server).args(document.command))?;
    Ok(format!("{}\n", printed.trim_end()))
}

/// Shows what has changed, as far as there is a `diff` on this machine.
fn show_difference(file: &str, generated: &str) -> Outcome {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let other = folder.path().join("generated");
    fs::write(&other, generated).map_err(|error| error.to_string())?;
    let shown =
        Command::new("diff").args(["--unified", "--new-file", file]).arg(other).current_dir(workspace::root()).status();
    if let Err(error) = shown {
        eprintln!("(diff: {error})");
    }
    Ok(())
}
