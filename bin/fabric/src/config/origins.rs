//! Where each setting comes from: a complaint names what has to be mended, as whoever gave it knows it.

use std::{collections::HashMap, fmt::Display};

use kernel::{Code, Error};

use super::table;

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File,
    /// A variable, in `.env` or in the environment.
    Variable(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl Origin {
    /// A setting that makes no sense. On the command line that is wrong usage.
    pub fn wrong(self, key: &str, why: impl Display) -> Error {
        match self {
            Self::File => wrong(key, why),
            Self::Variable(name) => wrong(name, why),
            Self::Flag(flag) => Error::because(Code::InvalidRequest, format!("{flag}: {why}.")),
        }
    }
}

/// The origins of all that is not as it is by default.
#[derive(Clone, Debug, Default)]
pub struct Origins(HashMap<&'static str, Origin>);

impl Origins {
    /// Notes where the value that counts comes from.
    pub fn note(&mut self, key: &'static str, origin: Origin) {
        self.0.insert(key, origin);
    }

    /// What whoever gave the setting knows it as.
    pub fn name(&self, key: &'static str) -> &'static str {
        match self.origin(key) {
            Origin::File => key,
            Origin::Variable(name) | Origin::Flag(name) => name,
        }
    }

    /// A setting that makes no sense, by that name.
    pub fn wrong(&self, key: &'static str, why: impl Display) -> Error {
        self.origin(key).wrong(key, why)
    }

    /// One that nobody gave is most easily given by its variable.
    fn origin(&self, key: &'static str) -> Origin {
        let variable = || table::find(key).and_then(|setting| setting.variables.first());
        let noted = self.0.get(key).copied();
        noted.or_else(|| variable().map(|name| Origin::Variable(name))).unwrap_or(Origin::File)
    }
}

/// What is wrong, and why. Never a value: it may be a secret.
pub fn wrong(name: impl Display, why: impl Display) -> Error {
    Error::because(Code::InvalidSetting, format!("{name}: {why}."))
}
