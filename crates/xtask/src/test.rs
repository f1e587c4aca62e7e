//! `cargo xtask test`: everything the tests need, and then plainly `cargo test`.

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Command, ExitCode},
};

use crate::{
    Outcome, browser, node,
    postgres::{Cluster, Durability},
    process::{cargo, exit_code, succeeds, verdict},
    python, redis, workspace,
};

/// Runs all tests with a PostgreSQL, a Python and packages of Node.js of their own, with Redis and with Chromium. Arguments go to `cargo test`, and then it is up to them
/// what is tested: documentation is left out.
///
/// Nothing is printed after cargo: its closing lines are the result.
pub fn run(arguments: &[OsString]) -> Outcome<ExitCode> {
    let target = workspace::target_folder()?;
    let programs = Programs {
        python: python::interpreter(&target)?,
        modules: node::modules(&target)?,
        redis: redis::server()?,
        chromium: browser::chromium()?,
    };
    let cluster = Cluster::start(&env::temp_dir(), Durability::None)?;
    let cargo_test = || cargo_test(&cluster, &programs);

    // One command shape for everybody: another selection of packages unifies features anew and builds everything again.
    let mut targets = cargo_test();
    targets.args(["--all-targets", "--no-fail-fast"]);
    if !selects_packages(arguments) {
        targets.arg("--workspace");
    }
    if !arguments.is_empty() {
        return verdict(targets.args(arguments));
    }
    let passed = succeeds(&mut targets)?;
    let documented = succeeds(cargo_test().args(["--workspace", "--doc", "--no-fail-fast"]))?;
    Ok(exit_code(passed && documented))
}

/// Whether someone wants just these packages, now, whatever it costs to build them otherwise later.
fn selects_packages(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .map_while(|argument| argument.to_str().filter(|argument| *argument != "--"))
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

/// What tests run that is not ours.
struct Programs {
    python: PathBuf,
    modules: PathBuf,
    redis: PathBuf,
    chromium: PathBuf,
}

fn cargo_test(cluster: &Cluster, programs: &Programs) -> Command {
    let mut command = cargo();
    command
        .arg("test")
        .env("TEST_POSTGRES_URL", cluster.url())
        .env("TEST_PSQL", cluster.psql())
        .env("FABRIC_TEST_PYTHON", &programs.python)
        .env("FABRIC_TEST_NODE_MODULES", &programs.modules)
        .env("FABRIC_TEST_REDIS", &programs.redis)
        .env("FABRIC_TEST_CHROMIUM", &programs.chromium);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_selected_before_the_double_dash_only() {
        let selects = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            selects_packages(&arguments)
        };
        assert!(selects("-p fabric-kernel"));
        assert!(selects("--package=fabric-kernel"));
        assert!(!selects("sign_up -- -p"));
    }
}
