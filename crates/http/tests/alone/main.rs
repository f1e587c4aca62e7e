//! Stories about what the whole process does, which metrics count: one at a time, in a process of their own.

/// Makes two tests of each story, one a database.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[actix_web::test]
            async fn $story() {
                let alone = crate::Alone::new().await;
                super::$story(&alone.world(testbed::Kind::Sqlite).await).await;
            })+
        }

        mod on_postgres {
            $(#[actix_web::test]
            async fn $story() {
                let alone = crate::Alone::new().await;
                super::$story(&alone.world(testbed::Kind::Postgres).await).await;
            })+
        }
    };
}

mod breached_passwords;
mod equal_answers;
mod metrics;
#[path = "../wire"]
mod wire {
    #[expect(dead_code, unused_imports, reason = "the other stories need more")]
    pub mod support;
}

use std::sync::OnceLock;

use fabric_http::Metrics;
use testbed::Kind;
use tokio::sync::{Mutex, MutexGuard};
use wire::support;

/// The only one in the process.
struct Alone {
    _turn: MutexGuard<'static, ()>,
}

impl Alone {
    async fn new() -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        Self { _turn: TURN.lock().await }
    }

    /// A world that is measured.
    async fn world(&self, kind: Kind) -> support::World {
        let metrics = recorder();
        let world = support::World::new(kind).await;
        world.restarted_with(|plan| plan.options.metrics = Some(metrics.clone())).await
    }
}

/// The process's metrics.
fn recorder() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| Metrics::install().unwrap())
}

/// How often something was counted so far.
fn counted(name: &str) -> u64 {
    let text = recorder().render();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.map_or(0, |line| line.split(' ').nth(1).unwrap().parse().unwrap())
}
