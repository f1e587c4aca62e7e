use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection,
    connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation},
    sql_query,
    sql_types::{BigInt, Text},
};
use kernel::Result;
use platform::{
    Transaction,
    store::{Health, Listener, Mode, Store, Unit},
};
use storage::{Database, Options};

thread_local! {
    /// Where the queries of the unit that runs on this thread are counted.
    static QUERIES: RefCell<Option<Arc<AtomicUsize>>> = const { RefCell::new(None) };
}

struct CountQueries;

impl Instrumentation for CountQueries {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            QUERIES.with_borrow(|queries| {
                if let Some(queries) = queries {
                    queries.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    }
}

/// A unit of work whose queries are counted.
struct CountedUnit {
    unit: Box<dyn Unit>,
    queries: Arc<AtomicUsize>,
}

impl Unit for CountedUnit {
    fn mode(&self) -> Mode {
        self.unit.mode()
    }

    fn wanted(&self) -> bool {
        self.unit.wanted()
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<()> {
        QUERIES.set(Some(Arc::clone(&self.queries)));
        let ran = self.unit.run(tx);
        QUERIES.set(None);
        ran
    }

    fn settle(self: Box<Self>, outcome: Result<()>) {
        self.unit.settle(outcome);
    }
}

/// A database that counts what is asked of it.
pub struct Counted {
    pub database: Database,
    reads: AtomicUsize,
    writes: AtomicUsize,
    queries: Arc<AtomicUsize>,
}

impl Counted {
    pub fn open(options: &Options) -> Result<Arc<Self>> {
        // Before there is any connection; again it is the same.
        set_default_instrumentation(|| Some(Box::new(CountQueries))).unwrap();
        Ok(Arc::new(Self {
            database: Database::open(options)?,
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            queries: Arc::default(),
        }))
    }

    /// How many queries the units of work have sent.
    pub fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }

    /// How many units of work have read, and how many have written.
    pub fn units(&self) -> (usize, usize) {
        (self.reads.load(Ordering::SeqCst), self.writes.load(Ordering::SeqCst))
    }
}

impl Store for Counted {
    fn submit(&self, unit: Box<dyn Unit>) {
        let counter = match unit.mode() {
            Mode::Read => &self.reads,
            Mode::Write => &self.writes,
        };
        counter.fetch_add(1, Ordering::SeqCst);
        self.database.submit(Box::new(CountedUnit { unit, queries: Arc::clone(&self.queries) }));
    }

    fn listen(&self, listener: Listener) {
        self.database.listen(listener);
    }

    fn health(&self) -> Result<Health> {
        self.database.health()
    }
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// One number, asked past everything.
pub fn number(url: &str, sql: &str) -> i64 {
    let query = sql_query(format!("SELECT CAST(({sql}) AS bigint) AS number"));
    let number: Number = match url.strip_prefix("sqlite://") {
        Some(path) => query.get_result(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => query.get_result(&mut PgConnection::establish(url).unwrap()).unwrap(),
    };
    number.number
}

#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// All columns of all tables in which a text is written, or the bytes that it stands for in hexadecimal.
pub fn columns_with(url: &str, text: &str) -> Vec<String> {
    let (list, contains): (_, fn(&str, &str) -> String) = match url.strip_prefix("sqlite://") {
        Some(_) => (
            "SELECT t.name AS \"table\", c.name AS name FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
             WHERE t.schema = 'main' AND t.type = 'table'",
            |name, text| {
                format!("instr(CAST({name} AS text), '{text}') > 0 OR instr(lower(hex({name})), '{text}') > 0")
            },
        ),
        None => (
            "SELECT table_name::text AS \"table\", column_name::text AS name FROM information_schema.columns
             WHERE table_schema = 'public'",
            |name, text| format!("position('{text}' IN CAST({name} AS text)) > 0"),
        ),
    };
    let columns: Vec<Column> = match url.strip_prefix("sqlite://") {
        Some(path) => sql_query(list).load(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => sql_query(list).load(&mut PgConnection::establish(url).unwrap()).unwrap(),
    };
    assert!(columns.len() > 100, "all columns there are");
    let has = |column: &&Column| {
        let (table, contains) = (&column.table, contains(&format!("\"{}\"", column.name), text));
        number(url, &format!("SELECT count(*) FROM \"{table}\" WHERE {contains}")) > 0
    };
    columns.iter().filter(has).map(|Column { table, name }| format!("{table}.{name}")).collect()
}

/// What somebody does who can write to the database; tells how many rows it was done to.
pub fn tamper(url: &str, sql: &str) -> usize {
    match url.strip_prefix("sqlite://") {
        Some(path) => sql_query(sql).execute(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => sql_query(sql).execute(&mut PgConnection::establish(url).unwrap()).unwrap(),
    }
}
