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

    /// Whether `kept` is this, as a database gives it back: a fraction may lose its last bit on its way through text.
    #[must_use]
    pub fn is_kept_as(&self, kept: &Self) -> bool {
        let read = serde_json::to_string(&self.0).and_then(|text| serde_json::from_str::<Self>(&text));
        read.is_ok_and(|read| read == *kept)
    }

    /// The object.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a database does it: to text, and back.
    fn kept(metadata: &Metadata) -> Metadata {
        serde_json::from_str(&serde_json::to_string(metadata).unwrap()).unwrap()
    }

    #[test]
    fn what_was_kept_is_known_again_whatever_its_numbers() {
        for number in ["0", "-1", "18446744073709551615", "0.1", "1.7976931348623157e308", "3.0614312600619165e-123"] {
            let metadata = Metadata::parse(serde_json::from_str(&format!("{{\"n\":{number}}}")).unwrap()).unwrap();
            assert!(metadata.is_kept_as(&kept(&metadata)), "{number}");
            assert!(!metadata.is_kept_as(&Metadata::default()), "{number}");
        }
    }
}
