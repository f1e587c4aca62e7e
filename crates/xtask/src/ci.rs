//! `cargo xtask ci`: what a change has to pass. Each promise stands alone, and the first that is broken ends the run.

mod deny;

use std::{collections::BTreeSet, process::ExitCode, time::Instant};

use crate::{
    Outcome, attacks, documents,
    process::{cargo, exit_code, output, verdict},
    test,
};

/// What is promised, and how it is checked.
struct Promise {
    title: &'static str,
    check: fn() -> Outcome<ExitCode>,
}

/// Cheap ones first.
const PROMISES: [Promise; 11] = [
    Promise { title: "The code is formatted", check: || verdict(cargo().args(["fmt", "--all", "--check"])) },
    Promise { title: "docs/attacks.md names the tests of every attack", check: || attacks::run(&[]) },
    Promise { title: "The server stands on few dependencies", check: dependency_budget },
    Promise { title: "Dependencies may be used: licences, bans, sources, advisories", check: deny::run },
    Promise { title: "Clippy has nothing to say, and Cargo.lock is complete", check: clippy },
    Promise {
        title: "The server builds without passkeys, OpenID Connect and Redis, and without each of them",
        check: without_features,
    },
    Promise { title: "The documentation builds and its links lead somewhere", check: documentation },
    Promise {
        title: "docs/openapi.json is what the server says",
        check: || documents::run(&documents::OPENAPI, Vec::new()),
    },
    Promise {
        title: "docs/events.md is what the server says",
        check: || documents::run(&documents::EVENTS, Vec::new()),
    },
    Promise {
        title: "docs/actions.md is what the server says",
        check: || documents::run(&documents::ACTIONS, Vec::new()),
    },
    Promise { title: "Tests pass on SQLite and PostgreSQL: cargo xtask test", check: || test::run(&[]) },
];

/// Checks one promise after another.
pub fn run() -> Outcome<ExitCode> {
    let started = Instant::now();
    for Promise { title, check } in &PROMISES {
        eprintln!("\n== {title}");
        let begun = Instant::now();
        let code = check()?;
        let kept = code == ExitCode::SUCCESS;
        let word = if kept { "kept" } else { "BROKEN" };
        eprintln!("== {word} ({:.1} s): {title}", begun.elapsed().as_secs_f64());
        if !kept {
            return Ok(code);
        }
    }
    eprintln!("\n== All {} promises kept ({:.0} s)", PROMISES.len(), started.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

/// What is built from source stays in, so that the machine needs no libraries.
fn without_features() -> Outcome<ExitCode> {
    for features in ["bundled", "bundled,oidc,passkeys", "bundled,oidc,redis", "bundled,passkeys,redis"] {
        let features = ["--no-default-features", "--features", features];
        let clippy = ["clippy", "--package", "fabric", "--locked"];
        let code = verdict(cargo().args(clippy).args(features).args(["--", "-D", "warnings"]))?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn clippy() -> Outcome<ExitCode> {
    verdict(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// With private items: the readers of these pages are the people who change the code.
fn documentation() -> Outcome<ExitCode> {
    verdict(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// How many crates, in all their versions, the server's binary may be made of.
const BUDGET: usize = 500;

fn dependency_budget() -> Outcome<ExitCode> {
    let tree = output(cargo().args(["tree", "-e", "normal", "-p", "fabric", "--prefix", "none"]))?;
    let found = packages(&tree).len();
    eprintln!("{found} packages of fewer than {BUDGET}");
    Ok(exit_code(found < BUDGET))
}

/// The distinct `name version` pairs of `cargo tree --prefix none`.
fn packages(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once_and_each_version_of_it() {
        let tree = "fabric v0.1.0 (/x/bin/fabric)\nserde v1.0.2 (*)\nserde v1.0.2\n\nbase64 v0.22.1\nbase64 v0.23.1\n";
        assert_eq!(packages(tree).len(), 4);
    }
}
