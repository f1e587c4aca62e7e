//! cargo-deny: licences, bans and sources always; advisories when their database can be had.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    Outcome,
    process::{cargo, output, program, require, verdict},
    workspace,
};

const VERSION: &str = "0.20.2";

/// Checks `deny.toml` and says what it has checked.
pub fn run() -> Outcome<ExitCode> {
    let deny = installed()?;
    // Its database is a git repository that not every machine reaches. That is no reason to check nothing, and no
    // reason to be silent about it either.
    let fetched = output(
        program(&deny)
            .args(["fetch", "db"])
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
            .env("GIT_HTTP_LOW_SPEED_TIME", "30"),
    );
    let mut check = check(&deny);
    match fetched {
        Ok(_) => {
            eprintln!("Checking licences, bans, sources and advisories");
            check.arg("advisories");
        }
        Err(why) => {
            eprintln!("Checking licences, bans and sources; NOT advisories, their database cannot be fetched:");
            eprintln!("{}", why.lines().last().unwrap_or_default());
        }
    }
    verdict(&mut check)
}

fn check(deny: &Path) -> Command {
    let mut command = program(deny);
    // Duplicate versions are worth a look now and then (`cargo tree -d`), not a page in every run.
    command.args(["--workspace", "--all-features", "--log-level", "error"]).args([
        "check",
        "--show-stats",
        "licenses",
        "bans",
        "sources",
    ]);
    command
}

/// The pinned version, built once into the target folder. Not optimised to the last: it runs for a second.
fn installed() -> Outcome<PathBuf> {
    let tools = workspace::target_folder()?.join("tools");
    let root = tools.join(format!("cargo-deny-{VERSION}"));
    let deny = root.join("bin/cargo-deny");
    if !deny.exists() {
        let build = tools.join("build");
        require(
            cargo()
                .args(["install", "cargo-deny", "--version", VERSION, "--locked"])
                .args(["--quiet", "--no-default-features", "--root"])
                .arg(&root)
                .arg("--target-dir")
                .arg(&build)
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        )?;
        fs::remove_dir_all(&build).map_err(|error| format!("{}: {error}", build.display()))?;
    }
    Ok(deny)
}
