use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use kernel::{
    Clock as _, Event, EventKind, Metadata, Name, Slug, SystemClock,
    id::{OrganizationId, SessionId, TokenId},
};
use platform::store::{Health, Listener, Store, Transaction};
use tenancy::Organization;
use tokio::{
    sync::oneshot,
    task::{JoinSet, yield_now},
};

use super::*;
use crate::{
    queue::Queue,
    sqlite::{Sqlite, USUAL, migrate},
};

/// A writer on a database of its own, and a few readers.
struct Writer {
    queue: Queue,
    listening: Listening,
    readers: Sqlite,
    _folder: tempfile::TempDir,
}

impl Store for Writer {
    fn submit(&self, unit: Box<dyn Unit>) {
        match unit.mode() {
            platform::store::Mode::Read => self.readers.submit(unit),
            platform::store::Mode::Write => self.queue.push(unit),
        }
    }

    fn listen(&self, listener: Listener) {
        self.listening.listen(listener);
    }

    fn health(&self) -> Result<Health> {
        self.readers.health()
    }
}

/// A writer whose connection has that pragma.
fn writer(pragma: &'static str) -> Arc<dyn Store> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    migrate::run(&path).unwrap();
    let listening = Listening::default();
    let readers = Sqlite::open(&path, &crate::Options::new(""), &listening).unwrap();
    let held = Held::open(&path, [USUAL, pragma]).unwrap();
    let queue = Queue::new("writer", [worker(held, listening.clone())]).unwrap();
    Arc::new(Writer { queue, listening, readers, _folder: folder })
}

/// Submits every unit while the writer is held up, so that they share one group; hands back what they were told.
async fn grouped<W>(store: &Arc<dyn Store>, works: Vec<W>) -> Vec<Result<()>>
where
    W: FnMut(&mut dyn Transaction) -> Result<()> + Send + 'static,
{
    let (open, gate) = mpsc::channel::<()>();
    let (taken, is_taken) = oneshot::channel();
    let mut once = Some((gate, taken));
    let mut callers = JoinSet::new();
    let held = Arc::clone(store);
    callers.spawn(async move {
        let hold = held.write(move |_| {
            if let Some((gate, taken)) = once.take() {
                let _ = taken.send(());
                let _ = gate.recv();
            }
            Ok(())
        });
        (0, hold.await)
    });
    // In a group of its own: whoever came while the writer had not looked yet would share it.
    is_taken.await.unwrap();
    for (index, work) in works.into_iter().enumerate() {
        let store = Arc::clone(store);
        callers.spawn(async move { (index + 1, store.write(work).await) });
    }
    yield_now().await;
    drop(open);
    let mut told = callers.join_all().await;
    told.sort_by_key(|(index, _)| *index);
    told.into_iter().skip(1).map(|(_, told)| told).collect()
}

fn organization() -> Organization {
    let (id, now) = (OrganizationId::generate(), SystemClock.now());
    Organization {
        id,
        app: None,
        slug: Slug::from_name(&id.to_string()),
        name: Name::constant("Acme"),
        metadata: Metadata::default(),
        archived_at: None,
        delete_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// Writes so many bytes.
fn fill(tx: &mut dyn Transaction, bytes: usize) -> Result<()> {
    let mut event = Event::example(EventKind::AuthLogin, SystemClock.now());
    event.payload["method"] = "x".repeat(bytes).into();
    tx.append(&event)
}

async fn is_there(store: &Arc<dyn Store>, id: OrganizationId) -> bool {
    store.read(move |tx| tx.organization(id)).await.unwrap().is_some()
}

#[tokio::test]
async fn one_failure_in_a_group_hurts_nobody_else() {
    let store = writer("PRAGMA synchronous=FULL");
    let organizations: Vec<_> = (0..9).map(|_| organization()).collect();
    let runs = Arc::new(AtomicUsize::new(0));
    let works = organizations.iter().cloned().enumerate().map(|(index, organization)| {
        let runs = Arc::clone(&runs);
        move |tx: &mut dyn Transaction| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.insert_organization(&organization)?;
            match index {
                3 => Err(Error::not_found()),
                4 => tx.insert_organization(&organization),
                5 => panic!("on purpose"),
                // It must not go on, and it does.
                6 => tx.insert_organization(&organization).or(Ok(())),
                _ => Ok(()),
            }
        }
    });
    let told = grouped(&store, works.collect()).await;
    for (index, (organization, told)) in organizations.iter().zip(told).enumerate() {
        assert_eq!(told.is_ok(), !(3..=6).contains(&index), "{index}");
        assert_eq!(is_there(&store, organization.id).await, told.is_ok(), "{index}");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 9, "one group, each unit once");
}

#[tokio::test]
async fn on_a_full_database_everyone_is_told_the_truth() {
    let store = writer("PRAGMA max_page_count=120");
    let runs = Arc::new(AtomicUsize::new(0));
    let organizations: Vec<_> = (0..40).map(|_| organization()).collect();
    let works = organizations.iter().cloned().enumerate().map(|(index, organization)| {
        let runs = Arc::clone(&runs);
        move |tx: &mut dyn Transaction| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.insert_organization(&organization)?;
            fill(tx, if index % 2 == 0 { 20_000 } else { 20 })
        }
    });
    let told = grouped(&store, works.collect()).await;
    assert!(runs.load(Ordering::Relaxed) > 40, "SQLite rolled the group back");
    assert!(told.iter().any(Result::is_ok) && told.iter().any(Result::is_err));
    for (organization, told) in organizations.iter().zip(&told) {
        assert_eq!(is_there(&store, organization.id).await, told.is_ok());
        if let Err(error) = told {
            assert_eq!(error.code, kernel::Code::ServiceUnavailable);
            assert!(error.cause.as_ref().unwrap().to_string().contains("full"));
        }
    }
    // And the writer lives on: there is room for a small one.
    let small = organization();
    store.write(move |tx| tx.insert_organization(&small)).await.unwrap();
}

#[tokio::test]
async fn only_the_changes_of_those_who_succeeded_are_told_before_they_are_answered() {
    let store = writer("PRAGMA synchronous=FULL");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    store.listen(Arc::new(move |changes: &[Change]| hears.lock().unwrap().push(changes.to_vec())));
    let tokens: Vec<_> = (0..6).map(|_| TokenId::generate()).collect();
    let works = tokens.iter().copied().enumerate().map(|(index, token)| {
        move |tx: &mut dyn Transaction| {
            tx.revoke_token(token, SystemClock.now())?;
            tx.end_session(SessionId::generate(), SystemClock.now())?;
            if index % 2 == 0 { Ok(()) } else { Err(Error::not_found()) }
        }
    });
    grouped(&store, works.collect()).await;
    let expected: Vec<_> = tokens.iter().step_by(2).copied().map(Change::Token).collect();
    assert_eq!(*heard.lock().unwrap(), [expected], "in one go, for one commit");
}

#[tokio::test]
async fn a_unit_whose_caller_has_gone_is_not_run() {
    let store = writer("PRAGMA synchronous=FULL");
    let (open, gate) = mpsc::channel::<()>();
    let mut gate = Some(gate);
    let held = Arc::clone(&store);
    let hold = tokio::spawn(async move {
        let hold = held.write(move |_| {
            gate.take().map(|gate| gate.recv());
            Ok(())
        });
        hold.await
    });
    yield_now().await;
    let abandoned = organization();
    let id = abandoned.id;
    let other = Arc::clone(&store);
    let caller = tokio::spawn(async move { other.write(move |tx| tx.insert_organization(&abandoned)).await });
    yield_now().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    drop(open);
    hold.await.unwrap().unwrap();
    let last = organization();
    store.write(move |tx| tx.insert_organization(&last)).await.unwrap();
    assert!(!is_there(&store, id).await);
}
