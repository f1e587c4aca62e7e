//! What the figures were measured on: without it they say nothing.

use std::{fs, num::NonZero, process::Command, thread};

use serde_json::{Value, json};

use crate::process::{output, program};

/// This machine and this checkout, as far as they can be found out.
pub struct Machine {
    processor: String,
    cores: usize,
    memory_gib: u64,
    system: String,
    compiler: String,
    revision: String,
}

impl Machine {
    /// Looks around.
    pub fn this() -> Self {
        let said = |command: &mut Command| {
            output(command).map_or_else(|_| "unknown".to_owned(), |printed| printed.trim().to_owned())
        };
        let name = field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_default();
        let memory_kib: u64 = field("/proc/meminfo", "MemTotal", ':')
            .and_then(|memory| memory.trim_end_matches("kB").trim().parse().ok())
            .unwrap_or_default();
        Self {
            processor: field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| "unknown".to_owned()),
            cores: thread::available_parallelism().map_or(1, NonZero::get),
            memory_gib: memory_kib.div_ceil(1024 * 1024),
            system: format!("{} ({})", name.trim_matches('"'), said(program("uname").args(["-sr"]))),
            compiler: said(program("rustc").arg("--version")),
            revision: said(program("git").args(["describe", "--always", "--dirty", "--abbrev=12"])),
        }
    }

    /// In a few lines.
    pub fn markdown(&self) -> String {
        let Self { processor, cores, memory_gib, system, compiler, revision } = self;
        format!("{processor}, {cores} cores, {memory_gib} GiB; {system}; {compiler}; revision {revision}")
    }

    /// For a program.
    pub fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "memory_gib": self.memory_gib,
            "system": self.system,
            "rustc": self.compiler,
            "revision": self.revision,
        })
    }
}

/// The value of the first line `name <separator> value` of a file.
pub fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let lines = fs::read_to_string(path).ok()?;
    lines.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}
