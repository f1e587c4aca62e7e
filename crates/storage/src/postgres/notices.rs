//! What a commit changed, as text for other processes: `NOTIFY` carries it with the commit and never without.
//!
//! A notice is a version and a word for each change, such as `1 s018f…`: a letter and the ids. Who can't read a notice,
//! because a later version wrote it, has to take it for [`Change::Everything`].

use std::collections::HashSet;

use diesel::{QueryResult, RunQueryDsl as _, define_sql_function, sql_types::Text};
use kernel::{
    Change,
    id::{AccountId, ApiKeyId, AppId, OrganizationId, PrincipalId, ServiceAccountId, SessionId, TeamId, TokenId},
};
use uuid::Uuid;

use super::Connection;

/// Where notices are sent and heard.
pub const CHANNEL: &str = "fabric_changes";

const VERSION: &str = "1";
/// PostgreSQL takes less than 8000 bytes.
const LONGEST: usize = 7_900;
/// What takes more than so many notices (at least 1,900 changes) is told as everything: to load anew what is wanted costs
/// less than to send and read them all.
const MOST: usize = 16;
/// How long an id is.
const ID: usize = 32;

define_sql_function! {
    fn pg_notify(channel: Text, payload: Text);
}

/// Tells everybody who listens of the changes, once the open transaction is committed.
pub fn send(connection: &mut Connection, changes: &[Change]) -> QueryResult<()> {
    for notice in written(changes) {
        // `execute`, because there is nothing in a void to read.
        diesel::select(pg_notify(CHANNEL, notice)).execute(connection)?;
    }
    Ok(())
}

/// The notices that tell of the changes; none of none.
fn written(changes: &[Change]) -> Vec<String> {
    let mut told = HashSet::new();
    let mut notices: Vec<String> = Vec::new();
    for change in changes.iter().filter(|change| told.insert(**change)) {
        let word = word(change);
        let full = notices.last().is_none_or(|notice| notice.len() + word.len() >= LONGEST);
        if full && notices.len() == MOST {
            return written(&[Change::Everything]);
        }
        if full {
            notices.push(VERSION.to_owned());
        }
        if let Some(notice) = notices.last_mut() {
            notice.push(' ');
            notice.push_str(&word);
        }
    }
    notices
}

/// What a notice tells, if it can be read.
pub fn read(notice: &str) -> Option<Vec<Change>> {
    let mut words = notice.split(' ');
    words.next().filter(|version| *version == VERSION)?;
    words.map(change).collect()
}

fn word(change: &Change) -> String {
    let (kind, ids) = match change {
        Change::Session(id) => ('s', [Some(id.0), None]),
        Change::Token(id) => ('t', [Some(id.0), None]),
        Change::Account(id) => ('a', [Some(id.0), None]),
        Change::ApiKey(id) => ('k', [Some(id.0), None]),
        Change::ServiceAccount(id) => ('p', [Some(id.0), None]),
        Change::Authority(organization, principal) => ('m', [Some(organization.0), Some(principal.0)]),
        Change::Team(id) => ('g', [Some(id.0), None]),
        Change::Organization(id) => ('o', [Some(id.0), None]),
        Change::App(id) => ('c', [Some(id.0), None]),
        Change::SigningKeys => ('j', [None, None]),
        Change::Everything => ('*', [None, None]),
    };
    let mut word = String::from(kind);
    for id in ids.into_iter().flatten() {
        word.push_str(id.simple().encode_lower(&mut Uuid::encode_buffer()));
    }
    word
}

fn change(word: &str) -> Option<Change> {
    let (kind, ids) = word.split_at_checked(1)?;
    Some(match kind {
        "s" => Change::Session(SessionId(id(ids)?)),
        "t" => Change::Token(TokenId(id(ids)?)),
        "a" => Change::Account(AccountId(id(ids)?)),
        "k" => Change::ApiKey(ApiKeyId(id(ids)?)),
        "p" => Change::ServiceAccount(ServiceAccountId(id(ids)?)),
        "m" => {
            let (organization, principal) = ids.split_at_checked(ID)?;
            Change::Authority(OrganizationId(id(organization)?), PrincipalId(id(principal)?))
        }
        "g" => Change::Team(TeamId(id(ids)?)),
        "o" => Change::Organization(OrganizationId(id(ids)?)),
        "c" => Change::App(AppId(id(ids)?)),
        "j" if ids.is_empty() => Change::SigningKeys,
        "*" if ids.is_empty() => Change::Everything,
        _ => return None,
    })
}

fn id(text: &str) -> Option<Uuid> {
    // Other forms of an id are longer.
    Some(text).filter(|text| text.len() == ID).and_then(|text| Uuid::try_parse(text).ok())
}

#[cfg(test)]
mod tests {
    use std::iter;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The kind after that of a change. A new kind does not compile here until it is told of, too.
    fn after(change: &Change, one: Uuid, other: Uuid) -> Option<Change> {
        match change {
            Change::Everything => Some(Change::Session(SessionId(one))),
            Change::Session(_) => Some(Change::Token(TokenId(one))),
            Change::Token(_) => Some(Change::Account(AccountId(one))),
            Change::Account(_) => Some(Change::ApiKey(ApiKeyId(one))),
            Change::ApiKey(_) => Some(Change::ServiceAccount(ServiceAccountId(one))),
            Change::ServiceAccount(_) => Some(Change::Authority(OrganizationId(one), PrincipalId(other))),
            Change::Authority(..) => Some(Change::Team(TeamId(one))),
            Change::Team(_) => Some(Change::Organization(OrganizationId(one))),
            Change::Organization(_) => Some(Change::App(AppId(one))),
            Change::App(_) => Some(Change::SigningKeys),
            Change::SigningKeys => None,
        }
    }

    fn one_of_each(one: Uuid, other: Uuid) -> Vec<Change> {
        iter::successors(Some(Change::Everything), |change| after(change, one, other)).collect()
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let ids = (any::<u128>(), any::<u128>());
        (any::<prop::sample::Index>(), ids).prop_map(|(kind, (one, other))| {
            let kinds = one_of_each(Uuid::from_u128(one), Uuid::from_u128(other));
            kinds[kind.index(kinds.len())]
        })
    }

    fn told(notices: &[String]) -> Vec<Change> {
        notices.iter().flat_map(|notice| read(notice).unwrap()).collect()
    }

    #[test]
    fn every_kind_of_change_is_written_and_read() {
        let changes = one_of_each(Uuid::from_u128(1), Uuid::from_u128(2));
        let notices = written(&changes);
        assert_eq!(notices.len(), 1);
        assert_eq!(told(&notices), changes);
        assert_eq!(written(&[]), [""; 0], "nothing changed, nothing is sent");
    }

    #[test]
    fn a_change_is_told_once() {
        let token = Change::Token(TokenId(Uuid::from_u128(0x0af)));
        assert_eq!(written(&[token, token]), ["1 t000000000000000000000000000000af"]);
    }

    #[test]
    fn many_changes_take_several_notices_and_too_many_are_everything() {
        let tokens = |count: u128| (0..count).map(|n| Change::Token(TokenId(Uuid::from_u128(n)))).collect::<Vec<_>>();
        let notices = written(&tokens(1_000));
        assert!(notices.len() > 1 && notices.iter().all(|notice| notice.len() <= LONGEST));
        assert_eq!(told(&notices), tokens(1_000));
        let members =
            (0..1_900).map(|n| Change::Authority(OrganizationId(Uuid::nil()), PrincipalId(Uuid::from_u128(n))));
        assert!(written(&members.collect::<Vec<_>>()).len() <= MOST);
        assert_eq!(written(&tokens(10_000)), ["1 *"]);
    }

    #[test]
    fn what_another_version_wrote_or_is_no_notice_is_not_read() {
        let id = "018f0000000000000000000000000000";
        for unread in [
            "",
            "2 *",
            "1 ",
            "1  *",
            "1 *x",
            "1 jx",
            "1 é",
            &format!("1 z{id}"),
            &format!("1 s{id}0"),
            &format!("1 s{id} "),
            &format!("1 s{id} z{id}"),
            &format!("1 m{id}"),
            &format!("1 m{id}{id}0"),
            "1 s018f0000-0000-0000-0000-000000000000",
            "1 sé18f00000000000000000000000000",
        ] {
            assert_eq!(read(unread), None, "{unread:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(changes in vec(any_change(), 0..600)) {
            let notices = written(&changes);
            prop_assert!(notices.iter().all(|notice| notice.len() <= LONGEST));
            let mut seen = HashSet::new();
            let once: Vec<_> = changes.into_iter().filter(|change| seen.insert(*change)).collect();
            prop_assert_eq!(told(&notices), once);
        }

        #[test]
        fn whatever_comes_harms_nobody(text in any::<String>()) {
            read(&text);
            read(&format!("{VERSION} {text}"));
        }
    }
}
