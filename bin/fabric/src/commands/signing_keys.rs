//! `fabric keys`: what access tokens are signed with, at the console.

use identity::{StoredKey, signing_key::KeyState};
use kernel::Result;
use serde_json::{Value, json};

use crate::{
    arguments::{SigningKeys, SigningKeysCommand},
    config::Config,
    output::Output,
    start::start,
};

/// Runs it.
///
/// # Errors
/// `conflict` where a shared secret signs; those of the database.
pub async fn run(config: &Config, keys: SigningKeys, show: Output) -> Result<()> {
    let platform = start(config).await?.for_operator();
    let (keys, done) = match keys.command {
        SigningKeysCommand::List => (platform.operator_signing_keys().await?, None),
        SigningKeysCommand::Rotate(how) => {
            let keys = platform.operator_rotate_signing_keys(how.compromised).await?;
            (keys, Some(if how.compromised { ENDED } else { ROTATED }))
        }
    };
    let items: Vec<_> = keys.iter().map(as_json).collect();
    show.say(&json!({ "items": items }), || {
        let lines: Vec<_> = done.map(str::to_owned).into_iter().chain(keys.iter().map(as_line)).collect();
        if lines.is_empty() { "There are no keys: OAUTH_SIGNING_SECRET signs.".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

const ROTATED: &str = "Another key signs. Servers know it within 5 seconds:";
const ENDED: &str = "Every key of before is forgotten. Servers refuse what they signed within 5 seconds; others that \
                     verify tokens by themselves, once they fetch the keys again:";

fn as_line(key: &StoredKey) -> String {
    let told = match (key.state, key.current_since, key.believed_until) {
        (KeyState::Current, Some(since), _) => format!("since {since}"),
        (KeyState::Retired, _, Some(until)) => format!("until {until}"),
        _ => format!("published since {}", key.created_at),
    };
    format!("{}  {}  {}  {told}", key.id, key.algorithm.name(), key.state.name())
}

fn as_json(key: &StoredKey) -> Value {
    json!({
        "kid": key.id,
        "algorithm": key.algorithm.name(),
        "state": key.state.name(),
        "created_at": key.created_at,
        "current_since": key.current_since,
        "expires_at": key.believed_until,
    })
}
