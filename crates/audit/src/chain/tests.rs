use kernel::{
    Timestamp,
    id::{AppId, EventId, PrincipalId},
};
use proptest::prelude::*;

use super::*;
use crate::Personal;

const CHAIN: Uuid = Uuid::nil();

fn key(byte: u8) -> ChainKey {
    ChainKey::new([byte; 32])
}

fn entry(payload: &str) -> Entry {
    let personal = Personal { salt: [7; 16], text: format!(r#"{{"email":"{payload}"}}"#) };
    Entry {
        id: EventId::generate(),
        kind: "membership.created".to_owned(),
        app: Some(AppId::generate()),
        organization: None,
        actor: Some(PrincipalId::generate()),
        via: Some("session".to_owned()),
        via_id: Some(Uuid::now_v7()),
        resource: Some(("member".to_owned(), "x".to_owned())),
        request_id: Some("r".to_owned()),
        payload: payload.to_owned(),
        digest: Some(personal.digest()),
        personal: Some(personal),
        at: Timestamp::from_unix_seconds(5).unwrap(),
        position: None,
        link: None,
    }
}

/// A chain of entries at every other position, and its head.
fn chained(key: &ChainKey, length: usize) -> (Vec<Entry>, Head) {
    let (mut before, mut entries) = (Link::NONE, Vec::new());
    for number in 1..=length {
        let position = i64::try_from(number).unwrap() * 2;
        let entry = entry(&number.to_string());
        before = key.link(&before, &entry, position);
        entries.push(Entry { position: Some(position), link: Some(before), ..entry });
    }
    let count = i64::try_from(length).unwrap();
    (entries, key.head(CHAIN, count * 2, count, before))
}

/// Which entry is named, and why.
fn verdict(
    keys: &[ChainKey],
    point: Option<Checkpoint>,
    entries: &[Entry],
    head: Option<&Head>,
) -> Option<(usize, Break)> {
    let mut walk = match Walk::begin(keys, CHAIN, point) {
        Ok(walk) => walk,
        Err(broken) => return Some((0, broken)),
    };
    for (number, entry) in entries.iter().enumerate() {
        if let Err(broken) = walk.step(keys, entry) {
            return Some((number, broken));
        }
    }
    walk.end(keys, head).err().map(|broken| (entries.len(), broken))
}

#[test]
fn a_chain_that_nobody_touched_holds() {
    for length in [0, 1, 5] {
        let (entries, head) = chained(&key(1), length);
        let head = (length > 0).then_some(head);
        assert_eq!(verdict(&[key(1)], None, &entries, head.as_ref()), None);
    }
}

#[test]
fn a_link_that_was_written_down_is_read_again() {
    let (entries, _) = chained(&key(1), 1);
    let link = entries[0].link.unwrap();
    assert_eq!(Link::from_hex(&link.to_hex()), Some(link));
    for wrong in ["", "0", &link.to_hex()[1..], &"+0".repeat(Link::LENGTH), &"é".repeat(Link::LENGTH)] {
        assert_eq!(Link::from_hex(wrong), None, "{wrong}");
    }
}

#[test]
fn every_field_is_in_the_chain() {
    let (entries, head) = chained(&key(1), 3);
    let changes: [fn(&mut Entry); 12] = [
        |entry| entry.id = EventId::generate(),
        |entry| entry.kind = "membership.removed".to_owned(),
        |entry| entry.app = None,
        |entry| entry.actor = None,
        |entry| entry.via = None,
        |entry| entry.via_id = None,
        |entry| entry.resource = None,
        |entry| entry.request_id = Some("s".to_owned()),
        |entry| entry.payload.push(' '),
        |entry| entry.digest = None,
        |entry| entry.at = Timestamp::from_unix_seconds(6).unwrap(),
        |entry| entry.position = Some(3),
    ];
    for change in changes {
        let mut entries = entries.clone();
        change(&mut entries[1]);
        assert_eq!(verdict(&[key(1)], None, &entries, Some(&head)), Some((1, Break::Changed)));
    }
}

#[test]
fn erasing_a_person_breaks_nothing_and_rewriting_one_does() {
    let (mut entries, head) = chained(&key(1), 3);
    entries[1].personal = None;
    assert_eq!(verdict(&[key(1)], None, &entries, Some(&head)), None);
    entries[2].personal = Some(Personal { salt: [7; 16], text: "{}".to_owned() });
    assert_eq!(verdict(&[key(1)], None, &entries, Some(&head)), Some((2, Break::PersonalChanged)));
}

#[test]
fn an_end_cannot_be_cut_off() {
    let (mut entries, head) = chained(&key(1), 3);
    let last = entries.pop().unwrap();
    assert_eq!(verdict(&[key(1)], None, &entries, Some(&head)), Some((2, Break::EndMissing)));
    // A head that fits what is left would have to be sealed.
    let forged = Head { position: 4, count: 2, link: entries[1].link.unwrap(), ..head };
    assert_eq!(verdict(&[key(1)], None, &entries, Some(&forged)), Some((2, Break::Head)));
    assert_eq!(verdict(&[key(1)], None, &entries, None), Some((2, Break::Head)));
    entries.push(last);
    assert_eq!(verdict(&[key(1)], None, &entries, Some(&head)), None);
}

#[test]
fn only_pruning_takes_the_beginning_away() {
    let (entries, head) = chained(&key(1), 4);
    let point = key(1).checkpoint(CHAIN, 4, 2, entries[1].link.unwrap());
    assert_eq!(verdict(&[key(1)], Some(point), &entries[2..], Some(&head)), None);
    assert_eq!(verdict(&[key(1)], None, &entries[2..], Some(&head)), Some((0, Break::Changed)));
    let forged = Checkpoint { seal: entries[1].link.unwrap(), ..point };
    assert_eq!(verdict(&[key(1)], Some(forged), &entries[2..], Some(&head)), Some((0, Break::Checkpoint)));
    let moved = Checkpoint { count: 3, ..point };
    assert_eq!(verdict(&[key(1)], Some(moved), &entries[2..], Some(&head)), Some((0, Break::Checkpoint)));
}

#[test]
fn a_key_that_is_gone_is_told_from_a_change() {
    let (entries, head) = chained(&key(1), 2);
    assert_eq!(verdict(&[key(2)], None, &entries, Some(&head)), Some((0, Break::UnknownKey)));
    assert_eq!(verdict(&[key(2), key(1)], None, &entries, Some(&head)), None);
}

proptest! {
    #[test]
    fn whatever_is_removed_swapped_or_repeated_is_found(length in 2..8_usize, at in 0..8_usize, how in 0..3) {
        let (whole, head) = chained(&key(1), length);
        let at = at % (length - 1);
        let mut entries = whole;
        match how {
            0 => drop(entries.remove(at)),
            1 => entries.swap(at, at + 1),
            _ => entries.insert(at, entries[at].clone()),
        }
        let (found, broken) = verdict(&[key(1)], None, &entries, Some(&head)).unwrap();
        prop_assert_eq!(broken, Break::Changed);
        prop_assert!(found == at || found == at + 1, "the first that does not fit is named");
    }
}
