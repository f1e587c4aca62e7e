//! A file of people, one after the other.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use kernel::{Code, Error, Result};
use serde_json::{Map, Value};

use crate::arguments::ImportFormat;

/// What is known of somebody, by its name.
pub type Record = Map<String, Value>;

/// A longer line is no person.
const LONGEST_LINE: u64 = 1 << 20;

/// The people of a file.
pub enum Records {
    /// An object a line.
    Ndjson { lines: BufReader<Box<dyn Read>>, line: u64, over: bool },
    /// All of them, read at once.
    Json(std::iter::Enumerate<std::vec::IntoIter<Value>>),
    /// A line for each.
    Csv { rows: Box<csv::Reader<Box<dyn Read>>>, names: csv::StringRecord },
}

impl Records {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// `invalid_request` for what cannot be read, and for what is written in no known way.
    pub fn open(path: &Path, format: Option<ImportFormat>) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::because(Code::InvalidRequest, format!("{} cannot be read.", path.display())).caused_by(error)
        };
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let named = match extension.as_deref() {
            Some("ndjson" | "jsonl") => Some(ImportFormat::Ndjson),
            Some("json") => Some(ImportFormat::Json),
            Some("csv") => Some(ImportFormat::Csv),
            _ => None,
        };
        let unknown =
            || Error::because(Code::InvalidRequest, "Say how the file is written: --format ndjson, json or csv.");
        let format = format.or(named).ok_or_else(unknown)?;
        let file: Box<dyn Read> = if path == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            Box::new(File::open(path).map_err(unreadable)?)
        };
        match format {
            ImportFormat::Ndjson => Ok(Self::Ndjson { lines: BufReader::new(file), line: 0, over: false }),
            ImportFormat::Json => {
                let no_json = |error: serde_json::Error| {
                    Error::because(Code::InvalidRequest, format!("{} is no JSON.", path.display())).caused_by(error)
                };
                let people = match serde_json::from_reader(BufReader::new(file)).map_err(no_json)? {
                    Value::Array(people) => people,
                    Value::Object(mut realm) => match realm.remove("users") {
                        Some(Value::Array(people)) => people,
                        _ => {
                            return Err(Error::because(Code::InvalidRequest, "There is no array `users` in the file."));
                        }
                    },
                    _ => return Err(Error::because(Code::InvalidRequest, "The file is no array of users.")),
                };
                Ok(Self::Json(people.into_iter().enumerate()))
            }
            ImportFormat::Csv => {
                let mut rows = Box::new(csv::Reader::from_reader(file));
                let names = rows.headers().map_err(|error| {
                    Error::because(Code::InvalidRequest, format!("{} is no CSV.", path.display())).caused_by(error)
                })?;
                let names = names.clone();
                Ok(Self::Csv { rows, names })
            }
        }
    }

    /// The next one, with the line where it stands, or its place in an array from 1 on; or why that is nobody.
    pub fn next(&mut self) -> Option<(u64, std::result::Result<Record, String>)> {
        match self {
            Self::Ndjson { over: true, .. } => None,
            Self::Ndjson { lines, line, over } => loop {
                *line += 1;
                match next_line(lines) {
                    Ok(Line::End) => return None,
                    Ok(Line::Text(text)) if text.trim_ascii().is_empty() => {}
                    Ok(Line::Text(text)) => {
                        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
                        let record = serde_json::from_slice(text).map_err(|_| "this is no JSON object".to_owned());
                        return Some((*line, record));
                    }
                    Ok(Line::TooLong) => return Some((*line, Err("this line is longer than 1 MiB".to_owned()))),
                    Err(error) => {
                        // It would be the same for ever.
                        *over = true;
                        return Some((*line, Err(format!("the file cannot be read any further: {error}"))));
                    }
                }
            },
            Self::Json(people) => people.next().map(|(place, person)| {
                let Value::Object(record) = person else {
                    return (place as u64 + 1, Err("this is no object".to_owned()));
                };
                (place as u64 + 1, Ok(record))
            }),
            Self::Csv { rows, names } => {
                let mut row = csv::StringRecord::new();
                match rows.read_record(&mut row) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = row.position().map_or(0, csv::Position::line);
                        let cell = |(name, text): (&str, &str)| {
                            (!text.is_empty()).then(|| (name.trim().to_owned(), Value::String(text.to_owned())))
                        };
                        Some((line, Ok(names.iter().zip(row.iter()).filter_map(cell).collect())))
                    }
                    Err(error) => {
                        let line = error.position().map_or(0, csv::Position::line);
                        Some((line, Err("this row does not fit the first line".to_owned())))
                    }
                }
            }
        }
    }
}

enum Line {
    Text(Vec<u8>),
    TooLong,
    End,
}

/// The next line; the rest of one that is too long is passed over.
fn next_line(lines: &mut impl BufRead) -> std::io::Result<Line> {
    let mut text = Vec::new();
    let read = lines.take(LONGEST_LINE).read_until(b'\n', &mut text)?;
    if read == 0 {
        return Ok(Line::End);
    }
    if !text.ends_with(b"\n") && read as u64 == LONGEST_LINE {
        lines.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Text(text))
}
