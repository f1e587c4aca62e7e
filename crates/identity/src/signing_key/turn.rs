//! When keys are made, begin to sign, retire and go.

use std::time::Duration;

use kernel::Timestamp;

use super::{KeyId, KeyState, SigningAlgorithm, StoredKey};

/// For how long a key is published at the least before it signs on schedule: much longer than anybody may keep what they
/// fetched (five minutes), and than most keep it whatever we say.
pub const PUBLISHED_AHEAD: Duration = Duration::from_hours(1);
/// How much longer than the longest token a key is believed: other servers may sign with it for a moment yet.
pub const SLACK: Duration = Duration::from_mins(10);
/// For how long a key has to have signed before a server without keys retires it: while servers are replaced one by one,
/// those with keys and those without would else make and retire one after the other.
pub const SETTLED: Duration = Duration::from_hours(1);

/// What an operator wants of the keys.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How tokens are signed; by the shared secret without.
    pub algorithm: Option<SigningAlgorithm>,
    /// For how long a key signs; until somebody says otherwise without.
    pub rotate_after: Option<Duration>,
    /// How long the longest access token lives.
    pub longest_token: Duration,
}

/// Why somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It is time to.
    Schedule,
    /// The operator wants another key to sign.
    Operator,
    /// The operator wants every key gone, and what they signed.
    Compromise,
}

/// Why another key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There was none.
    First,
    /// The one before had signed for long enough.
    Age,
    /// The one before was for another algorithm.
    Algorithm,
    /// The operator wanted it.
    Operator,
    /// The one before may be known to others.
    Compromise,
}

impl Reason {
    /// Its name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Age => "age",
            Self::Algorithm => "algorithm",
            Self::Operator => "operator",
            Self::Compromise => "compromise",
        }
    }
}

/// What is to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// These go for good.
    pub gone: Vec<KeyId>,
    /// The one that signs no more, and until when it is believed.
    pub retired: Option<(KeyId, Timestamp)>,
    /// The one that signs from now on.
    pub signs: Option<Signs>,
    /// Whether another one is made, and published, for later.
    pub publish: bool,
}

/// What signs from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// The key; a new one without.
    pub key: Option<KeyId>,
    /// The one before.
    pub before: Option<KeyId>,
    /// Why.
    pub reason: Reason,
    /// Until when tokens are believed that the shared secret signed.
    pub secret_until: Timestamp,
}

impl Turn {
    /// Whether all is as it should be.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// How many keys have to be made for it.
    #[must_use]
    pub fn keys_to_make(&self) -> usize {
        usize::from(self.publish) + usize::from(self.signs.is_some_and(|signs| signs.key.is_none()))
    }
}

/// What is to be done about the keys now.
#[must_use]
pub fn turn(keys: &[StoredKey], policy: &Policy, occasion: Occasion, now: Timestamp) -> Turn {
    let the = |state| keys.iter().find(|key| key.state == state);
    let (current, next) = (the(KeyState::Current), the(KeyState::Next));
    let over = |key: &&StoredKey| key.believed_until.is_some_and(|until| until <= now);
    let mut turn = Turn { gone: keys.iter().filter(over).map(|key| key.id).collect(), ..Turn::default() };
    let believed_until = now.after(policy.longest_token).after(SLACK);
    let since = |key: &StoredKey| key.current_since.unwrap_or(key.created_at);

    let Some(algorithm) = policy.algorithm else {
        if let Some(current) = current
            && now >= since(current).after(SETTLED)
        {
            turn.retired = Some((current.id, believed_until));
            turn.gone.extend(next.map(|next| next.id));
        }
        return turn;
    };
    // From the moment that there are keys the secret signs no more, but for servers that have yet to be replaced.
    let first = now.after(policy.longest_token).after(SETTLED).after(SLACK);
    let secret_until = current.map_or(first, |current| current.secret_until.unwrap_or(now));
    let signs = |key: Option<&StoredKey>, reason| Signs {
        key: key.map(|key| key.id),
        before: current.map(|key| key.id),
        reason,
        secret_until,
    };
    if occasion == Occasion::Compromise {
        // Whoever has read one may have read all, and have kept those that have retired since.
        turn.gone = keys.iter().map(|key| key.id).collect();
        turn.signs = Some(signs(None, Reason::Compromise));
        turn.publish = true;
        return turn;
    }
    let (next, unfit) = match next {
        Some(next) if next.algorithm != algorithm => (None, Some(next.id)),
        next => (next, None),
    };
    turn.gone.extend(unfit);
    let reason = match current {
        None => Some(Reason::First),
        Some(_) if occasion == Occasion::Operator => Some(Reason::Operator),
        // Nobody may have to verify with a key that they had no chance to hear of.
        Some(_) if next.is_none_or(|next| now < next.created_at.after(PUBLISHED_AHEAD)) => None,
        Some(current) if current.algorithm != algorithm => Some(Reason::Algorithm),
        Some(current) => {
            let old = policy.rotate_after.is_some_and(|after| now >= since(current).after(after));
            old.then_some(Reason::Age)
        }
    };
    if let Some(reason) = reason {
        turn.retired = current.map(|current| (current.id, believed_until));
        turn.signs = Some(signs(next, reason));
    }
    turn.publish = reason.is_some() || next.is_none();
    turn
}

#[cfg(test)]
mod tests;
