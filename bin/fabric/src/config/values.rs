//! Values on their way into the configuration: each is checked against the table where it comes in, so that whoever gave
//! it is told in their own terms.

use figment::{
    Figment,
    providers::Serialized,
    value::{Dict, Num, Value},
};
use kernel::{Error, Result};

use super::{
    Config,
    origins::{Origin, Origins, wrong},
    table::{self, Kind, Setting, TABLE},
};

/// The values so far, section by section. A later one takes an earlier one's place.
pub struct Values {
    sections: Dict,
    origins: Origins,
}

impl Values {
    /// The defaults of the table. Sections without any are there too.
    pub fn defaults() -> Result<Self> {
        let mut values = Self { sections: Dict::new(), origins: Origins::default() };
        for setting in TABLE {
            let section = values.section(setting)?;
            if let Some(default) = setting.default {
                let default = from_text(setting, default).map_err(|why| wrong(setting.key, why))?;
                section.insert(setting.name().to_owned(), default);
            }
        }
        Ok(values)
    }

    /// What the configuration file says. What is set to nothing there is not set, as everywhere.
    ///
    /// # Errors
    /// `invalid_setting` for a key that there is not, and for a value of the wrong type.
    pub fn set_file(&mut self, file: Dict) -> Result<()> {
        for (section, entries) in file {
            if !TABLE.iter().any(|setting| setting.section() == section) {
                return Err(wrong(&section, format!("there is no setting {section}")));
            }
            let Value::Dict(_, entries) = entries else {
                return Err(wrong(&section, format!("write it as a section, [{section}]")));
            };
            for (name, value) in entries {
                let key = format!("{section}.{name}");
                let setting = table::find(&key).ok_or_else(|| wrong(&key, format!("there is no setting {name}")))?;
                if value.as_str() != Some("") {
                    let value = from_file(setting, &value).map_err(|why| wrong(&key, why))?;
                    self.set(setting, Origin::File, value)?;
                }
            }
        }
        Ok(())
    }

    /// What a variable or a flag says.
    ///
    /// # Errors
    /// That of the origin, when the text is not what the table wants.
    pub fn set_text(&mut self, setting: &'static Setting, origin: Origin, text: &str) -> Result<()> {
        let value = from_text(setting, text).map_err(|why| origin.wrong(setting.key, why))?;
        self.set(setting, origin, value)
    }

    /// The configuration they make.
    pub fn config(self) -> Result<Config> {
        let config: Config =
            Figment::from(Serialized::defaults(self.sections)).extract().map_err(|error| unlike_the_table(&error))?;
        Ok(Config { origins: self.origins, ..config })
    }

    fn set(&mut self, setting: &'static Setting, origin: Origin, value: Value) -> Result<()> {
        self.section(setting)?.insert(setting.name().to_owned(), value);
        self.origins.note(setting.key, origin);
        Ok(())
    }

    fn section(&mut self, setting: &Setting) -> Result<&mut Dict> {
        let section = self.sections.entry(setting.section().to_owned()).or_insert_with(|| Value::from(Dict::new()));
        match section {
            Value::Dict(_, entries) => Ok(entries),
            _ => Err(Error::internal("a section that is none")),
        }
    }
}

/// A variable's text as what it is. A secret of digits stays text.
fn from_text(setting: &Setting, text: &str) -> std::result::Result<Value, String> {
    let value = match setting.kind {
        Kind::Text | Kind::Secret => Some(Value::from(text)),
        Kind::OneOf(known) => known.contains(&text).then(|| Value::from(text)),
        Kind::Number(least, most) => number(text.trim().parse().ok(), least, most),
        Kind::Switch => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(Value::from(true)),
            "0" | "false" | "no" | "off" => Some(Value::from(false)),
            _ => return Err("give 1 or 0".to_owned()),
        },
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::from(items.collect::<Vec<_>>()))
        }
    };
    value.ok_or_else(|| wanted(setting.kind))
}

/// A value of the file, if it has the type that it should have.
fn from_file(setting: &Setting, value: &Value) -> std::result::Result<Value, String> {
    let fits = match (setting.kind, value) {
        (Kind::Number(least, most), Value::Num(_, given)) => {
            let given = Num::to_u128_lossy(*given).and_then(|given| u64::try_from(given).ok());
            return number(given, least, most).ok_or_else(|| wanted(setting.kind));
        }
        (Kind::OneOf(known), Value::String(_, text)) => known.contains(&text.as_str()),
        (Kind::List, Value::Array(_, items)) => items.iter().all(|item| item.as_str().is_some()),
        (Kind::Text | Kind::Secret, Value::String(..)) | (Kind::Switch, Value::Bool(..)) => true,
        _ => false,
    };
    if fits { Ok(value.clone()) } else { Err(wanted(setting.kind)) }
}

fn number(given: Option<u64>, least: u64, most: u64) -> Option<Value> {
    given.filter(|given| (least..=most).contains(given)).map(Value::from)
}

/// How to mend a value of another kind.
fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret => "give text, in quotes".to_owned(),
        Kind::OneOf(known) => format!("give {}", known.join(" or ")),
        Kind::Number(least, most) => format!("give a whole number from {least} to {most}"),
        Kind::Switch => "give true or false".to_owned(),
        Kind::List => r#"give a list such as ["one", "two"]"#.to_owned(),
    }
}

/// The table and the types that it fills say different things: only a mistake of ours leads here. What figment says is
/// kept back, there may be a secret in it.
fn unlike_the_table(error: &figment::Error) -> Error {
    wrong(error.path.join("."), "it can't be read")
}
