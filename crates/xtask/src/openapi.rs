//! `cargo xtask openapi`: the document in the repository is the one that the server generates.

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

const DOCUMENT: &str = "docs/openapi.json";

/// Compares the two, or with `--write` makes them the same.
pub fn run(arguments: Vec<OsString>) -> Outcome<ExitCode> {
    let mut arguments = pico_args::Arguments::from_vec(arguments);
    let write = arguments.contains("--write");
    crate::nothing_more(&arguments.finish())?;

    let generated = generate()?;
    let path = workspace::root().join(DOCUMENT);
    if write {
        fs::write(&path, &generated).map_err(|error| format!("{DOCUMENT}: {error}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept == generated {
        return Ok(ExitCode::SUCCESS);
    }
    show_difference(&generated)?;
    eprintln!("{DOCUMENT} is not what the server says: run `cargo xtask openapi --write` and review the change.");
    Ok(ExitCode::FAILURE)
}

/// What the server of this checkout prints. It is built in the shape of the tests, so that nothing is built twice.
fn generate() -> Outcome<String> {
    require(cargo().args(["build", "--quiet", "--workspace", "--all-targets"]))?;
    let server = workspace::target_folder()?.join("debug/fabric");
    let document = output(program(server).arg("openapi"))?;
    Ok(format!("{}\n", document.trim_end()))
}

/// Shows what has changed, as far as there is a `diff` on this machine.
fn show_difference(generated: &str) -> Outcome {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let other = folder.path().join("generated.json");
    fs::write(&other, generated).map_err(|error| error.to_string())?;
    let shown = Command::new("diff")
        .args(["--unified", "--new-file", DOCUMENT])
        .arg(other)
        .current_dir(workspace::root())
        .status();
    if let Err(error) = shown {
        eprintln!("(diff: {error})");
    }
    Ok(())
}
