//! The binary: reads the configuration, wires the crates together, and gives the operator a console. It knows every
//! crate and decides nothing.

mod arguments;
mod commands;
mod config;
mod limits;
mod listen;
mod logging;
mod output;
mod secrets;
mod serve;
mod social;
mod start;

use std::process::ExitCode;

use arguments::{Arguments, Command, Event, EventCommand};
use clap::Parser;
use kernel::{Code, Error, ErrorKind, Result};

/// 0: done. 1: failed. 2: wrong usage.
fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => return not_understood(&refused),
    };
    let json = arguments.json;
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&error, json);
            let usage = error.kind() == ErrorKind::Validation && error.code != Code::InvalidSetting;
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Help and version are what was asked for. Everything else is wrong usage, and is said as JSON where that is asked for,
/// which has to be looked up here: nothing was parsed.
fn not_understood(refused: &clap::Error) -> ExitCode {
    let mut given = std::env::args_os().skip(1).take_while(|argument| argument != "--");
    if refused.use_stderr() && given.any(|argument| argument == "--json") {
        output::failure(&Error::because(Code::InvalidRequest, arguments::complaint(refused)), true);
        return ExitCode::from(2);
    }
    refused.exit()
}

fn run(arguments: Arguments) -> Result<()> {
    // What is printed of the code asks for no configuration.
    match arguments.command {
        Command::Openapi => return commands::openapi::print(),
        Command::Actions => return commands::actions::print(),
        Command::Event(Event { command: EventCommand::Catalogue }) => return commands::event::catalogue(),
        _ => {}
    }
    let config = config::load(arguments.config.as_deref(), &arguments.flags)?;
    logging::begin(&config, matches!(arguments.command, Command::Serve))?;
    let show = output::Output::new(arguments.json);
    match arguments.command {
        Command::Serve => serve::serve(config, show),
        Command::Migrate => commands::database::migrate(&config, show),
        Command::Backup(backup) => commands::database::backup(&config, &backup, show),
        Command::Restore(restore) => commands::database::restore(&config, &restore, show),
        Command::Setup(setup) => at_the_console(commands::setup::run(&config, setup, show)),
        Command::User(user) => at_the_console(commands::user::run(&config, user, show)),
        Command::Audit(audit) => at_the_console(commands::audit::run(&config, audit, show)),
        Command::Event(event) => at_the_console(commands::event::run(&config, event, show)),
        Command::Webhook(webhook) => at_the_console(commands::webhook::run(&config, webhook, show)),
        Command::Key(key) => at_the_console(commands::key::run(&config, key, show)),
        Command::SigningKeys(keys) => at_the_console(commands::signing_keys::run(&config, keys, show)),
        Command::Org(org) => at_the_console(commands::organization::run(&config, org, show)),
        Command::Member(member) => at_the_console(commands::member::run(&config, member, show)),
        Command::Openapi | Command::Actions => Ok(()),
    }
}

/// Runs a command that needs the platform, and no server.
fn at_the_console(command: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
    runtime.block_on(command)
}
