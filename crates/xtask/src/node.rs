//! The Node.js that runs what receivers of webhooks run: the verifiers of its registry, and the TypeScript of the guide.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::{
    Outcome,
    process::{output, program, require},
    system,
};

const PACKAGE: &str = include_str!("../node/package.json");
const LOCK: &str = include_str!("../node/package-lock.json");

/// A `node_modules` with exactly what the lock file names; made once, and again when that changes.
///
/// # Errors
/// When Node.js is missing or the packages cannot be had; the message says what to do.
pub fn modules(target: &Path) -> Outcome<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (PACKAGE, LOCK).hash(&mut hasher);
    let folder = target.join(format!("fabric-node-{:016x}", hasher.finish()));

    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(io)?;
    // Two runs at once, for instance of the tests and of an editor, make it once.
    let lock = fs::File::create(target.join("fabric-node.lock")).map_err(io)?;
    lock.lock().map_err(io)?;

    // Written last: without it the folder was left half-made.
    let complete = folder.join("complete");
    if !complete.exists() {
        look_for_node()?;
        fs::write(folder.join("package.json"), PACKAGE).map_err(io)?;
        fs::write(folder.join("package-lock.json"), LOCK).map_err(io)?;
        // Nothing that the packages bring runs when they are installed.
        let quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        require(program("npm").arg("ci").args(quietly).current_dir(&folder))?;
        fs::write(complete, "").map_err(io)?;
    }
    Ok(folder.join("node_modules"))
}

fn look_for_node() -> Outcome {
    let attempt = || output(program("node").arg("--version")).and_then(|_| output(program("npm").arg("--version")));
    if attempt().is_ok() {
        return Ok(());
    }
    system::install("Node.js with npm", &["nodejs", "npm"], "elsewhere: nodejs.org")?;
    attempt().map(drop)
}
