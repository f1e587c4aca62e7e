//! Where settings are read: the environment, `.env` and the configuration file. None of their text comes back in a
//! complaint: there may be a secret in any line.

use std::{
    cell::Cell,
    collections::HashMap,
    ffi::OsString,
    fs,
    io::{self, Read},
    path::Path,
};

use figment::{
    Figment,
    error::Kind,
    providers::{Format, Toml},
    value::Dict,
};
use kernel::{Error, Result};

use super::{origins::wrong, table::TABLE};

/// Where the configuration file is looked for, unless it is named.
const FILE: &str = "fabric.toml";

/// The variable that names it.
const NAMED: &str = "FABRIC_CONFIG";

/// The variables that are ours. What other programs are told is none of our business, and need not be text.
///
/// # Errors
/// `invalid_setting` for one of ours that is not UTF-8.
pub fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<HashMap<String, String>> {
    let ours = |name: &str| name == NAMED || TABLE.iter().any(|setting| setting.variables.contains(&name));
    let mut read = HashMap::new();
    for (name, value) in variables {
        if let Some(name) = name.to_str().filter(|name| ours(name)) {
            let value = value.into_string().map_err(|_| wrong(name, "give text in UTF-8"))?;
            read.insert(name.to_owned(), value);
        }
    }
    Ok(read)
}

/// The variables in a file `.env`; none where there is no such file.
///
/// # Errors
/// `invalid_setting` with the number of the line that can't be read.
pub fn dot_env(file: &Path) -> Result<HashMap<String, String>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(wrong(".env", format!("it can't be read ({error})"))),
    };
    variables(&bytes)
}

pub(super) fn variables(bytes: &[u8]) -> Result<HashMap<String, String>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        wrong(".env", format!("line {} is not UTF-8", before.filter(|byte| **byte == b'\n').count() + 1))
    })?;
    let begun = Cell::new(0);
    let lines = Lines { rest: text.trim_start_matches('\u{feff}').as_bytes(), begun: &begun, within: false };
    let read: std::result::Result<_, _> = dotenvy::from_read_iter(lines).collect();
    read.map_err(|error| match error {
        // A value in quotes may go on for lines: it is the first of them that has to be mended.
        dotenvy::Error::LineParse(read, _) => {
            let line = (begun.get() + 1).saturating_sub(read.lines().count().max(1));
            wrong(".env", format!("line {line} is not NAME=value, or a quote in it is not closed"))
        }
        _ => wrong(".env", "it can't be read"),
    })
}

/// Hands out a line at a time and counts them, because dotenvy does not say which one it could not read.
struct Lines<'a> {
    rest: &'a [u8],
    begun: &'a Cell<usize>,
    within: bool,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut part = line;
        let read = part.read(buffer)?;
        if !self.within && read > 0 {
            self.begun.set(self.begun.get() + 1);
        }
        self.within = read < line.len();
        self.rest = self.rest.get(read..).unwrap_or_default();
        Ok(read)
    }
}

/// The configuration file: the one that `--config` names, else that of `FABRIC_CONFIG`, else `fabric.toml` if there is one.
///
/// # Errors
/// `invalid_setting` when a file that is named is not there, and when it is not TOML.
pub fn file(
    given: Option<&Path>,
    dot_env: &HashMap<String, String>,
    environment: &HashMap<String, String>,
) -> Result<Dict> {
    let named = || [environment, dot_env].into_iter().find_map(|from| from.get(NAMED).filter(|name| !name.is_empty()));
    let (name, path) = match (given, named()) {
        (Some(path), _) => ("--config", path),
        (None, Some(path)) => (NAMED, Path::new(path)),
        (None, None) => (FILE, Path::new(FILE)),
    };
    match fs::read_to_string(path) {
        Ok(text) => toml(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && name == FILE => Ok(Dict::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(wrong(name, format!("there is no file {}", path.display())))
        }
        Err(error) => Err(wrong(name, format!("{} can't be read ({error})", path.display()))),
    }
}

pub(super) fn toml(path: &Path, text: &str) -> Result<Dict> {
    Figment::from(Toml::string(text)).extract().map_err(|error| not_toml(path, text, &error))
}

/// The line and, where it is one of ours, the key. The parser's own sentence shows the line whole; its beginning has the
/// line's number, which is nowhere else.
fn not_toml(path: &Path, text: &str, error: &figment::Error) -> Error {
    let line: Option<usize> = match &error.kind {
        Kind::Message(said) => said
            .strip_prefix("TOML parse error at line ")
            .and_then(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()),
        _ => None,
    };
    let Some(line) = line else {
        return wrong(path.display(), "it can't be read as TOML");
    };
    let key = text.lines().nth(line.saturating_sub(1)).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    let key = key.filter(|key| TABLE.iter().any(|setting| [setting.key, setting.name()].contains(key)));
    let of = key.map(|key| format!(", {key},")).unwrap_or_default();
    wrong(
        path.display(),
        format!("line {line}{of} can't be read as TOML: text needs quotes, and a key stands only once"),
    )
}
