//! Running other programs.

use std::{
    env,
    ffi::OsString,
    process::{Command, ExitCode, Stdio},
};

use crate::{Outcome, workspace};

/// Settings of the server that a developer's shell may carry, and that no test, check or benchmark may depend on.
const SETTINGS: [&str; 15] = [
    "DATABASE_",
    "FABRIC_",
    "RESEND_",
    "SMTP_",
    "AUTH_",
    "GOOGLE_CLIENT_",
    "GITHUB_CLIENT_",
    "TEST_POSTGRES_URL",
    "TEST_PSQL",
    "OAUTH_SIGNING_SECRET",
    "JWT_SECRET",
    "PUBLIC_BASE_URL",
    "HOST",
    "PORT",
    "GRPC_PORT",
];

/// What cargo tells the program it runs (this one) about itself; the cargo below it shall not hear it.
const OWN_PACKAGE: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];

/// A program that runs in the root of the checkout and sees no setting of the developer's own server.
pub fn program(name: impl Into<OsString>) -> Command {
    let mut command = Command::new(name.into());
    isolate(&mut command).current_dir(workspace::root());
    command
}

/// Takes the developer's own settings out of a command's environment.
pub fn isolate(command: &mut Command) -> &mut Command {
    let names = env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_str().is_some_and(is_stripped)) {
        command.env_remove(name);
    }
    command
}

/// A name that ends in `_` stands for all that begin with it.
fn is_stripped(name: &str) -> bool {
    SETTINGS.iter().chain(&OWN_PACKAGE).any(
        |entry| {
            if entry.ends_with('_') { name.starts_with(entry) } else { name == *entry }
        },
    )
}

/// The cargo that started this task, so that toolchain overrides hold below it too.
pub fn cargo() -> Command {
    program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs it in front of the developer; whether it succeeded.
pub fn succeeds(command: &mut Command) -> Outcome<bool> {
    command.status().map(|status| status.success()).map_err(|error| does_not_start(command, &error))
}

/// As [`succeeds`], as the exit code of a task.
pub fn verdict(command: &mut Command) -> Outcome<ExitCode> {
    succeeds(command).map(exit_code)
}

/// The exit code that says whether what was looked at is good.
pub fn exit_code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs it in front of the developer; a failure ends the task.
pub fn require(command: &mut Command) -> Outcome {
    if succeeds(command)? { Ok(()) } else { Err(format!("`{}` failed", line(command))) }
}

/// Runs it unseen and gives back what it printed; a failure ends the task and shows what it complained of.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| does_not_start(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{}` failed: {}", line(command), complaint.trim()))
}

fn does_not_start(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` does not start: {error}", line(command))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_settings_are_stripped_and_the_builds_are_not() {
        for name in ["FABRIC_ENV", "DATABASE_URL", "PORT", "CARGO_PKG_NAME"] {
            assert!(is_stripped(name), "{name}");
        }
        for name in ["PATH", "CARGO_TARGET_DIR", "CARGO_HOME", "PORTABLE"] {
            assert!(!is_stripped(name), "{name}");
        }
    }

    #[test]
    fn a_failure_names_the_command_and_its_complaint() {
        let failed = output(program("sh").args(["-c", "echo no >&2; exit 1"]));
        assert_eq!(failed.unwrap_err(), "`sh -c echo no >&2; exit 1` failed: no");
    }
}
