//! The Python that drives the published client against this server.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::{
    Outcome,
    process::{program, require},
    system, workspace,
};

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// The interpreter of a virtual environment with exactly [`REQUIREMENTS`] in it; made once, and again when they change.
///
/// # Errors
/// When Python is missing or the packages cannot be had; the message says what to do.
pub fn interpreter(target: &Path) -> Outcome<PathBuf> {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    let folder = target.join(format!("fabric-python-{:016x}", hasher.finish()));
    let python = folder.join("bin/python");

    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(target).map_err(io)?;
    // Two runs at once, for instance of the tests and of an editor, make it once.
    let lock = fs::File::create(target.join("fabric-python.lock")).map_err(io)?;
    lock.lock().map_err(io)?;

    // Written last: without it the environment was left half-made.
    let complete = folder.join("complete");
    if !complete.exists() {
        make(&folder)?;
        let requirements = workspace::root().join("crates/xtask/requirements.txt");
        require(
            program(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .arg("--requirement")
                .arg(requirements),
        )?;
        fs::write(complete, "").map_err(io)?;
    }
    Ok(python)
}

fn make(folder: &Path) -> Outcome {
    let attempt = || crate::process::output(program("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if attempt().is_ok() {
        return Ok(());
    }
    system::install("Python 3 with venv", &["python3", "python3-venv"], "elsewhere: python.org")?;
    attempt().map(drop)
}
