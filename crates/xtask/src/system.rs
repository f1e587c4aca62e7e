//! The machine's own package manager, where these tasks may use it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Outcome,
    process::{output, require},
};

/// Installs Debian packages, if this is a Debian-like system and the user is root: a container, or a CI machine.
/// Nobody's workstation is changed behind their back.
///
/// # Errors
/// Elsewhere: what is missing and how to get it.
pub fn install(what: &str, packages: &[&str], elsewhere: &str) -> Outcome {
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        let packages = packages.join(" ");
        return Err(format!("{what} is missing: install it (Debian, Ubuntu: apt-get install {packages}; {elsewhere})"));
    }
    eprintln!("xtask: {what} is missing, installing {}", packages.join(" "));
    require(apt_get().args(["update", "-qq"]))?;
    require(apt_get().args(["install", "-qq", "-y", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        // As in single-user mode: packages start no service.
        .env("RUNLEVEL", "1");
    command
}

/// Where a program is that one could start by its name.
pub fn program_in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.exists())
}

/// Whether this is the superuser.
pub fn is_root() -> bool {
    id(&["-u"]) == Some(0)
}

/// A number that `id` prints.
pub fn id(arguments: &[&str]) -> Option<u32> {
    let printed = output(Command::new("id").args(arguments)).ok()?;
    printed.trim().parse().ok()
}
