//! Which loads are measured.

mod once;

use std::{cell::Cell, collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    Outcome,
    bench::{
        api::{Account, Api, text},
        hash,
        load::{self, Measurement, Next, Timing, always},
        report::{Baseline, CHECK, HEALTH, KEY, KEY_TOKEN, Row},
        server::{App, Server},
    },
};

/// How many ask at once: one after another, a busy server, a crowded one.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// So many belong to one organization, where all of them are listed.
const MEMBERS: usize = 50;

/// How often what is compared closely is measured.
const TURNS: usize = 5;

/// A burst of sign-ins, and those who want to work meanwhile.
const SIGNING_IN: usize = 32;
const WORKING: usize = 16;

/// What is measured, and for how long.
pub struct Plan {
    /// For how long a row.
    pub timing: Timing,
    /// What can be done once is prepared so many times for each row.
    pub prepared: usize,
    /// The rows alone whose names have this.
    pub only: Option<String>,
}

impl Plan {
    /// What others are compared with is always measured.
    fn has(&self, name: &str) -> bool {
        name == HEALTH || self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }
}

/// Measures what is planned on one server.
///
/// # Errors
/// When the accounts of the load cannot be made.
pub fn run(server: &Server, app: App, plan: &Plan) -> Outcome<Measured> {
    let address = server.address();
    let api = Api::new(address);
    let accounts = (0..64)
        .map(|number| api.new_account(&app, format!("user{number}@bench.example")))
        .collect::<Outcome<Vec<_>>>()?;
    let hashes_per_second = hash::rate(plan.timing.window.max(Duration::from_secs(1)))?;
    let mut suite = Suite {
        server,
        address,
        api,
        app: Arc::new(app),
        accounts,
        plan,
        hashes_per_second,
        health: BTreeMap::new(),
        rows: Vec::new(),
    };
    suite.measure()?;
    Ok(Measured { hashes_per_second, health: suite.health, rows: suite.rows })
}

/// Measures what it costs that keys sign, on a server where they do, beside what another one on the same database reached.
///
/// # Errors
/// When the accounts of the load cannot be made.
pub fn run_with_keys(server: &Server, app: App, plan: &Plan, algorithm: &str, before: &mut Measured) -> Outcome {
    let address = server.address();
    let mut suite = Suite {
        server,
        address,
        api: Api::new(address),
        app: Arc::new(app),
        accounts: Vec::new(),
        plan,
        hashes_per_second: before.hashes_per_second,
        health: before.health.clone(),
        rows: Vec::new(),
    };
    suite.measure_keys(algorithm)?;
    before.rows.append(&mut suite.rows);
    Ok(())
}

/// What was measured on one server.
pub struct Measured {
    /// The bare rate of Argon2id on all cores.
    pub hashes_per_second: f64,
    /// What `/healthz` reached, by connections.
    pub health: BTreeMap<usize, f64>,
    /// The loads.
    pub rows: Vec<Row>,
}

/// The middle one, if there is one.
fn middle(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

struct Suite<'a> {
    server: &'a Server,
    address: SocketAddr,
    api: Api,
    app: Arc<App>,
    accounts: Vec<Account>,
    plan: &'a Plan,
    hashes_per_second: f64,
    /// What `/healthz` reached, by connections.
    health: BTreeMap<usize, f64>,
    rows: Vec<Row>,
}

impl Suite<'_> {
    fn measure(&mut self) -> Outcome {
        self.each(HEALTH, Baseline::Health, |suite, _| Ok(always(suite.api.get("/healthz", ""))))?;
        self.each("GET /v1/me, access token", Baseline::Health, |suite, number| {
            Ok(always(suite.api.me(&suite.accounts[number].access_token)))
        })?;
        self.in_turns(KEY, |suite, _| always(suite.api.me(&suite.app.api_key)))?;
        self.in_turns(CHECK, |suite, number| {
            let account = &suite.accounts[number];
            always(suite.api.check(&account.access_token, &account.organization))
        })?;
        self.each("authz/check, cold, by a stranger", Baseline::Health, |suite, number| Ok(suite.cold_checks(number)))?;
        self.each("authz/check-batch of 50, warm", Baseline::Health, |suite, number| {
            let account = &suite.accounts[number];
            Ok(always(suite.api.check_batch(&account.access_token, &account.organization, 50)))
        })?;
        self.api.gather(&self.app, &self.accounts[..MEMBERS])?;
        self.each("GET members of an organization, 50", Baseline::Health, |suite, number| {
            let (all, account) = (&suite.accounts[0].organization, &suite.accounts[number % MEMBERS]);
            Ok(always(suite.api.members(&account.access_token, all, MEMBERS)))
        })?;
        self.each("token exchange", Baseline::Health, |suite, number| {
            Ok(always(suite.api.exchange(&suite.app, &suite.accounts[number].user)))
        })?;
        self.each("token issue, HS256 (client credentials)", Baseline::Health, |suite, _| {
            Ok(always(suite.api.client_credentials(&suite.app)))
        })?;
        self.each("refresh", Baseline::Health, Self::refresh_chain)?;
        self.passkeys()?;
        self.links_and_codes()?;
        self.each("sign-up", Baseline::Argon2, |suite, number| Ok(suite.sign_up(number)))?;
        self.each("sign-in", Baseline::Argon2, |suite, number| Ok(suite.sign_in(number)))?;
        self.work_while_others_sign_in()?;
        // At the end, because the mails are written afterwards.
        self.each("magic link, asked for", Baseline::Health, |suite, number| Ok(suite.ask_for_links(number)))
    }

    /// Tokens that a key signs. What is the same whatever the key is measured with `EdDSA`.
    fn measure_keys(&mut self, algorithm: &str) -> Outcome {
        let issue = format!("token issue, {algorithm} (client credentials)");
        self.each(&issue, Baseline::Health, |suite, _| Ok(always(suite.api.client_credentials(&suite.app))))?;
        if algorithm != "EdDSA" {
            return Ok(());
        }
        self.each("GET /.well-known/jwks.json", Baseline::Health, |suite, _| Ok(always(suite.api.key_set())))?;
        if self.plan.has(KEY_TOKEN) {
            let people = (0..64).map(|number| format!("keys{number}@bench.example"));
            self.accounts = people.map(|email| self.api.new_account(&self.app, email)).collect::<Outcome<_>>()?;
        }
        self.in_turns(KEY_TOKEN, |suite, number| always(suite.api.me(&suite.accounts[number].access_token)))
    }

    /// One row for each number of connections.
    fn each(&mut self, name: &str, baseline: Baseline, connection: impl Fn(&Self, usize) -> Outcome<Next>) -> Outcome {
        for connections in CONNECTIONS.into_iter().filter(|_| self.plan.has(name)) {
            let group = (0..connections).map(|number| connection(self, number)).collect::<Outcome<_>>()?;
            for measurement in load::run(self.address, self.plan.timing, vec![group])? {
                self.add(name, baseline, measurement);
            }
        }
        Ok(())
    }

    /// What has to reach something beside `/healthz`: in turns with that, so that whatever else the machine does meanwhile
    /// hits both; and the turn in the middle counts.
    fn in_turns(&mut self, name: &str, connection: impl Fn(&Self, usize) -> Next) -> Outcome {
        for connections in CONNECTIONS.into_iter().filter(|_| self.plan.has(name)) {
            let mut turns = Vec::new();
            for _ in 0..TURNS {
                let idle = (0..connections).map(|_| always(self.api.get("/healthz", ""))).collect();
                let own = (0..connections).map(|number| connection(self, number)).collect();
                turns.push((self.measured(idle)?, self.measured(own)?));
            }
            let [rate, p99] = [Measurement::rate_beside, Measurement::p99_beside]
                .map(|beside| middle(turns.iter().filter_map(|(health, own)| beside(own, health)).collect()));
            let errors = turns.iter().map(|(_, own)| own.errors).sum();
            let first_error = turns.iter_mut().find_map(|(_, own)| own.first_error.take());
            turns.sort_by(|(_, one), (_, other)| one.requests_per_second.total_cmp(&other.requests_per_second));
            let (_, own) = turns.swap_remove(TURNS / 2);
            let measurement = Measurement { errors, first_error, ..own };
            self.keep(Row {
                name: name.to_owned(),
                baseline: Baseline::Health,
                ratio: rate,
                p99_ratio: p99,
                measurement,
            });
        }
        Ok(())
    }

    fn measured(&self, group: Vec<Next>) -> Outcome<Measurement> {
        load::run(self.address, self.plan.timing, vec![group]).map(|mut measured| measured.remove(0))
    }

    fn keep(&mut self, row: Row) {
        eprintln!("{}", row.markdown());
        self.rows.push(row);
    }

    /// Does the hot path stay hot while every core has passwords to hash?
    fn work_while_others_sign_in(&mut self) -> Outcome {
        let rows = [
            ("GET /v1/me, access token, during 32 sign-ins", Baseline::Health),
            ("sign-in, during GET /v1/me", Baseline::Argon2),
        ];
        if !rows.iter().any(|(name, _)| self.plan.has(name)) {
            return Ok(());
        }
        let working = self.accounts[..WORKING].iter();
        let working = working.map(|account| always(self.api.me(&account.access_token))).collect();
        let signing_in = (WORKING..WORKING + SIGNING_IN).map(|number| self.sign_in(number)).collect();
        let measured = load::run(self.address, self.plan.timing, vec![working, signing_in])?;
        for ((name, baseline), measurement) in rows.into_iter().zip(measured) {
            self.add(name, baseline, measurement);
        }
        Ok(())
    }

    fn add(&mut self, name: &str, baseline: Baseline, measurement: Measurement) {
        let (connections, rate) = (measurement.connections, measurement.requests_per_second);
        if name == HEALTH {
            self.health.insert(connections, rate);
        }
        let base = match baseline {
            Baseline::Health => self.health.get(&connections).copied(),
            Baseline::Argon2 => Some(self.hashes_per_second),
        };
        let row = Row {
            name: name.to_owned(),
            baseline,
            ratio: base.filter(|base| *base > 0.0).map(|base| rate / base),
            p99_ratio: None,
            measurement,
        };
        self.keep(row);
    }

    /// Each connection with a chain of its own: the token of the last answer asks for the next.
    fn refresh_chain(&self, number: usize) -> Outcome<Next> {
        let api = self.api;
        let mut token = api.new_refresh_token(&self.app, &self.accounts[number])?;
        Ok(Box::new(move |last, request| {
            let answer: Option<Value> = serde_json::from_slice(last).ok();
            if let Some(next) = answer.and_then(|answer| text(&answer, "/data/refresh_token").ok()) {
                token = next;
            }
            request.extend_from_slice(&api.refresh(&token));
        }))
    }

    /// Challenges and assertions in turns: half of the requests are the one, half the other.
    fn passkeys(&mut self) -> Outcome {
        const NAME: &str = "passkey: challenge, assertion";
        if !self.plan.has(NAME) {
            return Ok(());
        }
        self.api.allow_passkeys(&self.app)?;
        // One for each connection of each row.
        let made = Cell::new(0);
        self.each(NAME, Baseline::Health, |suite, number| {
            made.set(made.get() + 1);
            let (api, app) = (suite.api, Arc::clone(&suite.app));
            let passkey = api.new_passkey(&suite.accounts[number], made.get())?;
            Ok(Box::new(move |last, request| {
                let challenge: Option<Value> = serde_json::from_slice(last).ok();
                let answer = challenge.and_then(|challenge| passkey.answer(&challenge).ok());
                request.extend_from_slice(
                    &answer.map_or_else(|| api.passkey_challenge(&app), |answer| api.passkey(&app, &answer)),
                );
            }))
        })
    }

    /// Another organization each time, which nobody has asked about: the database is asked each time. They do not exist: so
    /// many as are asked about could not be made. What it costs where they do is measured among tenants.
    fn cold_checks(&self, number: usize) -> Next {
        let (api, bearer, row) = (self.api, self.accounts[number].access_token.clone(), self.rows.len());
        let mut asked = 0_u32;
        Box::new(move |_, request| {
            asked += 1;
            let organization = format!("{row:08x}-{number:04x}-4000-8000-{asked:012x}");
            request.extend_from_slice(&api.check(&bearer, &organization));
        })
    }

    /// Someone new each time. Rows so far make the addresses differ from those of other rows.
    fn sign_up(&self, number: usize) -> Next {
        let (api, app, row) = (self.api, Arc::clone(&self.app), self.rows.len());
        let mut people = 0;
        Box::new(move |_, request| {
            people += 1;
            let email = format!("new{people}.{number}.{row}@bench.example");
            request.extend_from_slice(&api.sign_up(&app, &email));
        })
    }

    fn sign_in(&self, number: usize) -> Next {
        always(self.api.sign_in(&self.app, &self.accounts[number].email))
    }
}
