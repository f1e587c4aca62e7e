use kernel::Sealed;

use super::*;
use SigningAlgorithm::{EdDsa, Es256};

const DAY: Duration = Duration::from_hours(24);
const POLICY: Policy =
    Policy { algorithm: Some(EdDsa), rotate_after: Some(Duration::from_hours(240)), longest_token: DAY };
const BY_SECRET: Policy = Policy { algorithm: None, ..POLICY };

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000).unwrap()
}

/// A key that has been in its state for so long.
fn key(number: u8, state: KeyState, algorithm: SigningAlgorithm, age: Duration) -> StoredKey {
    let since = now().before(age);
    StoredKey {
        id: KeyId([number; 32]),
        algorithm,
        state,
        public: Sealed(vec![]),
        private: None,
        created_at: since,
        current_since: (state != KeyState::Next).then_some(since),
        believed_until: (state == KeyState::Retired).then(|| since.after(DAY)),
        secret_until: (state == KeyState::Current).then(|| since.after(DAY)),
    }
}

fn current(age: Duration) -> StoredKey {
    key(1, KeyState::Current, EdDsa, age)
}

fn next(age: Duration) -> StoredKey {
    key(2, KeyState::Next, EdDsa, age)
}

fn scheduled(keys: &[StoredKey], policy: &Policy) -> Turn {
    turn(keys, policy, Occasion::Schedule, now())
}

fn id(number: u8) -> KeyId {
    KeyId([number; 32])
}

fn almost(duration: Duration) -> Duration {
    duration.saturating_sub(Duration::from_secs(1))
}

#[test]
fn without_keys_nothing_is_done_and_with_the_first_two_are_made() {
    assert!(scheduled(&[], &BY_SECRET).is_nothing());
    let first = scheduled(&[], &POLICY);
    let signs = first.signs.unwrap();
    assert_eq!((signs.key, signs.before, signs.reason), (None, None, Reason::First));
    assert!(signs.secret_until >= now().after(DAY), "tokens of before are believed until the longest has expired");
    assert_eq!((first.keys_to_make(), first.retired, first.gone), (2, None, vec![]));
}

#[test]
fn a_key_signs_for_as_long_as_it_shall_and_then_the_next_one_does() {
    let young = almost(10 * DAY);
    assert!(scheduled(&[current(young), next(young)], &POLICY).is_nothing());
    let rotated = scheduled(&[current(10 * DAY), next(10 * DAY)], &POLICY);
    let signs = rotated.signs.unwrap();
    assert_eq!((signs.key, signs.before, signs.reason), (Some(id(2)), Some(id(1)), Reason::Age));
    assert_eq!(signs.secret_until, now().before(9 * DAY), "what was over does not begin again");
    let (retired, until) = rotated.retired.unwrap();
    assert!(retired == id(1) && until > now().after(DAY), "until the longest token of it has expired");
    assert_eq!((rotated.publish, rotated.keys_to_make(), rotated.gone), (true, 1, vec![]));
    let never = Policy { rotate_after: None, ..POLICY };
    assert!(scheduled(&[current(1000 * DAY), next(1000 * DAY)], &never).is_nothing());
}

#[test]
fn on_schedule_no_key_signs_that_was_not_published_long_before() {
    let unpublished = scheduled(&[current(10 * DAY)], &POLICY);
    assert_eq!((unpublished.signs, unpublished.publish), (None, true));
    let young = almost(PUBLISHED_AHEAD);
    assert!(scheduled(&[current(10 * DAY), next(young)], &POLICY).is_nothing());
    assert!(scheduled(&[current(10 * DAY), next(PUBLISHED_AHEAD)], &POLICY).signs.is_some());
}

#[test]
fn another_algorithm_is_published_first_too() {
    let wanted = Policy { algorithm: Some(Es256), ..POLICY };
    let begun = scheduled(&[current(DAY), next(DAY)], &wanted);
    assert_eq!((begun.gone, begun.signs, begun.publish), (vec![id(2)], None, true));
    let published = key(3, KeyState::Next, Es256, PUBLISHED_AHEAD);
    let done = scheduled(&[current(DAY), published], &wanted).signs.unwrap();
    assert_eq!((done.key, done.reason), (Some(id(3)), Reason::Algorithm));
}

#[test]
fn the_operator_has_the_next_key_sign_at_once() {
    let keys = [current(Duration::ZERO), next(Duration::ZERO)];
    let rotated = turn(&keys, &POLICY, Occasion::Operator, now());
    assert_eq!(rotated.signs.unwrap().key, Some(id(2)));
    assert!(rotated.retired.is_some() && rotated.publish);
}

#[test]
fn after_a_compromise_no_key_of_before_is_left() {
    let keys = [current(DAY), next(DAY), key(3, KeyState::Retired, EdDsa, Duration::ZERO)];
    let ended = turn(&keys, &POLICY, Occasion::Compromise, now());
    assert_eq!((ended.gone.clone(), ended.retired), (vec![id(1), id(2), id(3)], None));
    assert_eq!((ended.signs.unwrap().key, ended.keys_to_make()), (None, 2));
    assert_eq!(ended.signs.unwrap().secret_until, now(), "the secret is believed for as long as it was");
}

#[test]
fn a_retired_key_goes_when_the_last_token_of_it_has_expired() {
    let keys = [current(DAY), next(DAY), key(3, KeyState::Retired, EdDsa, almost(DAY))];
    assert!(scheduled(&keys, &POLICY).is_nothing());
    let keys = [current(DAY), next(DAY), key(3, KeyState::Retired, EdDsa, DAY)];
    let swept = scheduled(&keys, &POLICY);
    assert_eq!((swept.gone, swept.signs, swept.publish), (vec![id(3)], None, false));
}

#[test]
fn back_at_the_secret_what_keys_signed_is_believed_until_it_expires() {
    let back = scheduled(&[current(SETTLED), next(DAY)], &BY_SECRET);
    assert_eq!((back.gone, back.retired.unwrap().0, back.signs), (vec![id(2)], id(1), None));
    let young = almost(SETTLED);
    assert!(scheduled(&[current(young), next(young)], &BY_SECRET).is_nothing(), "others may be on their way to keys");
}
