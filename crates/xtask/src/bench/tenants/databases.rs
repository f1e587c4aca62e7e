//! The databases: the same ten organizations in each, among ever more others.

use std::{fmt::Write, fs, path::Path, process::Command, sync::Arc};

use serde_json::Value;

use crate::{
    Outcome,
    bench::{
        api::{Account, Api},
        server::{Server, set_up},
    },
    postgres::Cluster,
    process::output,
    workspace,
};

/// The organizations that are measured. Every database has them.
pub const MEASURED: u32 = 10;
/// So many belong to one of these, each with a key of their own: every cold request takes another one.
const HOLDERS: usize = 20_000;

/// So many members are listed at once.
pub const PAGE: usize = 50;

/// What every database has.
pub struct Measured {
    /// Who signed up: each owns one of the organizations, and belongs to all of them.
    pub people: Vec<Account>,
    /// The other members.
    pub holders: Arc<[Holder]>,
}

/// A member with an API key.
pub struct Holder {
    /// Where.
    pub organization: String,
    /// All of the key in clear.
    pub key: String,
}

/// One of the databases, and its server.
pub struct Size {
    /// How many organizations the app has there.
    pub organizations: u32,
    /// How many memberships there are in them.
    pub memberships: u64,
    /// The server on it.
    pub server: Server,
}

/// Makes a database of each size, and starts a server on it.
///
/// # Errors
/// When PostgreSQL or a server refuses, or a holder is not who they should be.
pub fn make(cluster: &Cluster, binary: &Path, folder: &Path, sizes: &[u32]) -> Outcome<(Measured, Vec<Size>)> {
    let place = Place { cluster, folder };
    let first = name(MEASURED);
    eprintln!("== {MEASURED} organizations that are the same everywhere");
    place.sql("postgres", &format!("CREATE DATABASE {first}"))?;
    let measured = measured(place, binary, &first)?;
    let sizes = sizes.iter().map(|organizations| {
        let name = name(*organizations);
        let others = organizations.saturating_sub(MEASURED);
        eprintln!("== {others} others beside them");
        if others > 0 {
            place.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {first}"))?;
            place.script(&name, "others.sql", &format!("others={others}"))?;
        }
        // What autovacuum would do meanwhile, before.
        place.sql(&name, "VACUUM (ANALYZE)")?;
        place.sql(&name, "CHECKPOINT")?;
        let count = place.sql(&name, "SELECT count(*) FROM memberships")?;
        let memberships = count.trim().parse().map_err(|error| format!("{count}: {error}"))?;
        Ok((*organizations, memberships))
    });
    let sizes = sizes.collect::<Outcome<Vec<_>>>()?;
    // Not before all databases are there: none is copied that somebody uses.
    let start = |(organizations, memberships)| {
        let server = Server::start(binary, folder, &cluster.url_of(&name(organizations)))?;
        measured.is_found_by(&server)?;
        Ok(Size { organizations, memberships, server })
    };
    let sizes = sizes.into_iter().map(start).collect::<Outcome<_>>()?;
    Ok((measured, sizes))
}

fn measured(place: Place, binary: &Path, database: &str) -> Outcome<Measured> {
    let url = place.cluster.url_of(database);
    let app = set_up(binary, place.folder, &url)?;
    let server = Server::start(binary, place.folder, &url)?;
    let api = Api::new(server.address());
    let people = (0..MEASURED)
        .map(|number| api.new_account(&app, format!("user{number}@bench.example")))
        .collect::<Outcome<Vec<_>>>()?;
    drop(server);
    let holders: Arc<[_]> = (0..HOLDERS)
        .map(|number| Holder { organization: people[number % people.len()].organization.clone(), key: key(number) })
        .collect();
    let file = place.folder.join("holders.csv");
    fs::write(&file, csv(&holders)).map_err(|error| format!("{}: {error}", file.display()))?;
    place.script(database, "measured.sql", "ON_ERROR_STOP=1")?;
    Ok(Measured { people, holders })
}

impl Measured {
    /// What is refused or empty costs little, and would look fast.
    fn is_found_by(&self, server: &Server) -> Outcome {
        let api = Api::new(server.address());
        let found = |request: Vec<u8>, place: &str, wanted: Value| {
            let said = api.call(&request)?;
            let got = said.pointer(place).map(|got| got.as_array().map_or_else(|| got.clone(), |all| all.len().into()));
            if got.as_ref() == Some(&wanted) {
                return Ok(());
            }
            Err(format!("{place} is to be {wanted}: {said}"))
        };
        for Account { access_token, organization, .. } in &self.people {
            found(api.check(access_token, organization), "/data/allowed", true.into())?;
            found(api.own_organizations(access_token), "/data", MEASURED.into())?;
            found(api.members(access_token, organization, PAGE), "/data", PAGE.into())?;
        }
        // Two of each organization are as good as all.
        for Holder { key, organization } in self.holders.iter().take(2 * self.people.len()) {
            found(api.check(key, organization), "/data/allowed", true.into())?;
            api.call(&api.me(key))?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Place<'a> {
    cluster: &'a Cluster,
    folder: &'a Path,
}

impl Place<'_> {
    fn sql(self, database: &str, statement: &str) -> Outcome<String> {
        output(self.psql(database).args(["-Atc", statement]))
    }

    fn script(self, database: &str, name: &str, variable: &str) -> Outcome {
        let script = workspace::root().join("crates/xtask/src/bench/tenants").join(name);
        output(self.psql(database).args(["-v", variable, "-f"]).arg(script)).map(drop)
    }

    fn psql(self, database: &str) -> Command {
        let mut command = Command::new(self.cluster.psql());
        command.current_dir(self.folder).args(["-X", "-v", "ON_ERROR_STOP=1", "-d"]).arg(self.cluster.url_of(database));
        command
    }
}

fn name(organizations: u32) -> String {
    format!("tenants_{organizations}")
}

/// A key in the form that the server gives keys.
fn key(number: usize) -> String {
    let secret = blake3::hash(&number.to_be_bytes()).to_hex();
    format!("fab_{number:08}_{}", &secret[..43])
}

/// What the database keeps of their keys.
fn csv(holders: &[Holder]) -> String {
    holders.iter().fold(String::new(), |mut text, Holder { organization, key }| {
        let hash = blake3::hash(key.as_bytes()).to_hex();
        let _ = writeln!(text, "{organization},{},\\x{hash}", &key[..12]);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_by_its_prefix_and_its_hash() {
        let holder = Holder { organization: "o".to_owned(), key: key(17) };
        assert!(holder.key.starts_with("fab_00000017_"), "{}", holder.key);
        assert_eq!(holder.key.len(), "fab_".len() + 8 + 1 + 43);
        let hash = blake3::hash(holder.key.as_bytes()).to_hex();
        assert_eq!(csv(&[holder]), format!("o,fab_00000017,\\x{hash}\n"));
    }
}
