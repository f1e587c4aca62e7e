//! The server's secrets: from the configuration, or in development from a file beside the database that is made once.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use kernel::{Code, Error, Result, Secret};
use platform::keys::ServerSecrets;

use crate::config::Config;

const SIGNING: &str = "OAUTH_SIGNING_SECRET";
const TOKEN: &str = "FABRIC_INVITE_TOKEN_KEY";

/// The secrets of this server.
///
/// # Errors
/// `invalid_setting` where one is missing that has to be configured, with the line that makes one.
pub fn load(config: &Config, folder: &Path) -> Result<ServerSecrets> {
    let auth = &config.auth;
    let (signing, token) = match (&auth.oauth_signing_secret, &auth.token_key) {
        (Some(signing), Some(token)) => (signing.clone(), token.clone()),
        (signing, token) if config.development() => {
            let kept = kept(folder)?;
            (signing.clone().unwrap_or(kept.signing), token.clone().unwrap_or(kept.token))
        }
        (None, _) => return Err(missing(SIGNING)),
        (_, None) => return Err(missing(TOKEN)),
    };
    Ok(ServerSecrets {
        signing,
        signing_previous: auth.oauth_signing_secret_previous.clone(),
        token,
        encryption: auth.encryption_key.clone(),
        encryption_previous: auth.encryption_key_previous.clone(),
        supabase: auth.jwt_secret.clone(),
        supabase_issuer: auth.jwt_issuer.clone(),
    })
}

fn missing(setting: &str) -> Error {
    Error::because(
        Code::InvalidSetting,
        format!("{setting} is missing: production needs one that stays. Make it with: openssl rand -hex 32"),
    )
}

struct Kept {
    signing: Secret,
    token: Secret,
}

/// What was made the first time. Two processes that start at once agree, because only one of them can make the file.
fn kept(folder: &Path) -> Result<Kept> {
    let file = folder.join("development.env");
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(folder, &file).and_then(|()| fs::read_to_string(&file))
        }
        read => read,
    };
    let text = text.map_err(|error| unusable(&file, &error))?;
    let values: HashMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let value = |name: &str| values.get(name).map(|value| Secret::from(*value));
    match (value(SIGNING), value(TOKEN)) {
        (Some(signing), Some(token)) => Ok(Kept { signing, token }),
        _ => Err(unusable(&file, &io::Error::other("it lacks a secret"))),
    }
}

fn make(folder: &Path, file: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = draft(folder);
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(written, "# Made by fabric for development. Whoever has this can sign as this server.")?;
    for name in [SIGNING, TOKEN] {
        writeln!(written, "{name}={}", random_hex())?;
    }
    written.sync_all()?;
    // A link, unlike a rename, does not replace what another process has made meanwhile.
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

fn draft(folder: &Path) -> PathBuf {
    folder.join(format!(".development.env.{}", random_hex()))
}

fn random_hex() -> String {
    let [a, b]: [u128; 2] = rand::random();
    format!("{a:032x}{b:032x}")
}

fn unusable(file: &Path, error: &io::Error) -> Error {
    Error::because(
        Code::InvalidSetting,
        format!("{} can't be used ({error}). Mend it, or set {SIGNING} and {TOKEN}.", file.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use kernel::secret::ExposeSecret;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let folder = folder.path().to_owned();
                std::thread::spawn(move || kept(&folder).map(|kept| kept.signing.expose_secret().to_owned()))
            })
            .collect();
        let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let again = kept(folder.path()).unwrap().signing.expose_secret().to_owned();
        assert_eq!(again.len(), 64);
        assert!(seen.into_iter().all(|secret| secret.unwrap() == again));
        let mode = fs::metadata(folder.path().join("development.env")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no drafts are left");
    }
}
