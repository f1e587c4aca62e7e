//! What a developer attaches to a thing and Fabric never interprets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Code, Error, Result};

/// A JSON object of at most 16 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    const LONGEST: usize = 16 * 1024;

    /// # Errors
    /// `invalid_metadata` when it is no object, or too large.
    pub fn parse(value: Value) -> Result<Self> {
        match value {
            Value::Null => Ok(Self::default()),
            Value::Object(map) if Value::Object(map.clone()).to_string().len() <= Self::LONGEST => Ok(Self(map)),
            _ => Err(Error::new(Code::InvalidMetadata)),
        }
    }

    /// The object.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}
