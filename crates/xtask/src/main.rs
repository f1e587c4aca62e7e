//! Developer tasks, as `cargo xtask <task>`: what is too long for a line in the `justfile`, in the language that
//! everybody here reads.

mod attacks;
mod bench;
mod browser;
mod ci;
mod documents;
mod leash;
mod node;
mod postgres;
mod process;
mod python;
mod redis;
mod system;
mod test;
mod workspace;

use std::{env, ffi::OsString, process::ExitCode};

const USAGE: &str = "\
Usage: cargo xtask <task>

  test [ARGS…]      all tests, on SQLite and on a PostgreSQL of their own; ARGS go to `cargo test`
  ci                everything that a change has to pass, in the order of cost
  openapi           is docs/openapi.json what the server says? --write makes it so
  events            is docs/events.md what the server says? --write makes it so
  actions           is docs/actions.md what the server says? --write makes it so
  attacks           does docs/attacks.md name the tests of every attack, and are they there?
  bench             requests per second and latency of the release build
      --quick               a tenth of the time, for trying the benchmark itself
      --database KIND       sqlite or postgres instead of both
      --only TEXT           the rows alone whose names have it, and what they are compared with
      --tenants             instead: the same requests among few, many and very many tenants, on PostgreSQL
      --json FILE           the same numbers for a program
  bench webhooks    deliveries per second, how late they are, and what a backlog of a million costs
      --quick, --database KIND, --json FILE as above
  bench refusals    whether the time of a refused sign-in tells if there is an account; the same flags
";

/// A value, or what kept a task from being done, in a line for the developer.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let task = arguments.next().unwrap_or_default();
    match run(&task.to_string_lossy(), arguments.collect()) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// A task's exit code says what it found; its error says why it could not look.
fn run(task: &str, arguments: Vec<OsString>) -> Outcome<ExitCode> {
    match task {
        "test" => test::run(&arguments),
        "ci" => nothing_more(&arguments).and_then(|()| ci::run()),
        "openapi" => documents::run(&documents::OPENAPI, arguments),
        "actions" => documents::run(&documents::ACTIONS, arguments),
        "events" => documents::run(&documents::EVENTS, arguments),
        "attacks" => attacks::run(&arguments),
        "bench" => bench::run(arguments),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprint!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

fn nothing_more(arguments: &[OsString]) -> Outcome {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(format!("what is {}?", argument.display())),
    }
}
