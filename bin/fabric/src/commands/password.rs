//! Where a password comes from: standard input, a prompt, or, if it must be, the command line.

use std::io::{self, BufRead as _, IsTerminal as _};

use identity::password::Password;
use kernel::{Code, Error, Result, Secret};

/// Reads a new password.
///
/// # Errors
/// `weak_password`; `invalid_request` when there is none to read.
pub fn read(given: Option<String>, from_stdin: bool) -> Result<Password> {
    let text = match given {
        Some(given) => given,
        None if from_stdin => line()?,
        None if io::stdin().is_terminal() => prompt()?,
        None => {
            return Err(Error::because(
                Code::InvalidRequest,
                "There is no password: give --password-stdin and a line on standard input, or --password.",
            ));
        }
    };
    Password::choose(&Secret::from(text))
}

fn line() -> Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn prompt() -> Result<String> {
    let first = rpassword::prompt_password("Password: ").map_err(unreadable)?;
    let second = rpassword::prompt_password("Once more: ").map_err(unreadable)?;
    if first == second { Ok(first) } else { Err(Error::because(Code::InvalidRequest, "The two differ. Try again.")) }
}

fn unreadable(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            Error::because(Code::InvalidRequest, "The password is not UTF-8: give it as text.")
        }
        _ => Error::internal(error),
    }
}
