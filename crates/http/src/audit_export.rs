//! The audit log as a file: for spreadsheets, or for whatever reads lines.

use audit::Entry;
use kernel::{Code, Error, Result};

use crate::routes::AuditEntry;

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFormat {
    /// A line of column names, then a line an entry (RFC 4180).
    Csv,
    /// A JSON object a line.
    Ndjson,
}

/// The columns, in their order.
const COLUMNS: [&str; 17] = [
    "created_at",
    "id",
    "position",
    "organization_id",
    "app_id",
    "actor_type",
    "actor_principal_id",
    "on_behalf_of",
    "credential_id",
    "action",
    "resource_type",
    "resource_id",
    "outcome",
    "ip",
    "user_agent",
    "request_id",
    "metadata",
];

impl AuditFormat {
    /// # Errors
    /// `invalid_parameter`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err(Error::because(Code::InvalidParameter, "Use the format csv or ndjson.")),
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// What its files end with.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// What stands before all entries.
    ///
    /// # Errors
    /// Never: the columns can be written.
    pub fn begin(self) -> Result<Vec<u8>> {
        match self {
            Self::Csv => row(&COLUMNS),
            Self::Ndjson => Ok(Vec::new()),
        }
    }

    /// One entry, as the API shows it.
    ///
    /// # Errors
    /// Never: what was read can be written.
    pub fn line(self, entry: Entry) -> Result<Vec<u8>> {
        let entry = serde_json::to_value(AuditEntry::from(entry)).map_err(Error::internal)?;
        match self {
            Self::Ndjson => Ok(format!("{entry}\n").into_bytes()),
            Self::Csv => {
                let cells = COLUMNS.map(|column| match &entry[column] {
                    serde_json::Value::Null => String::new(),
                    serde_json::Value::String(text) => harmless(text),
                    other => other.to_string(),
                });
                row(&cells)
            }
        }
    }
}

fn row(cells: &[impl AsRef<[u8]>]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells).map_err(Error::internal)?;
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// A cell that a spreadsheet does not take for a formula (OWASP, CSV Injection).
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_no_other_row() {
        assert_eq!(harmless("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(harmless("curl/8"), "curl/8");
        let line = row(&["a,b", "\"c\"", "d\r\ne"]).unwrap();
        assert_eq!(String::from_utf8(line).unwrap(), "\"a,b\",\"\"\"c\"\"\",\"d\r\ne\"\r\n");
    }
}
