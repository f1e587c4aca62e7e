//! Counters of this process.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use crate::{Category, Quota, Taken};

type Counter = RateLimiter<String, DashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// After so many calls, those are forgotten whose quota is whole again.
const FORGET_EVERY: u32 = 16 * 1024;

/// A counter for each category that has a quota.
pub struct Memory {
    counters: HashMap<Category, Counter>,
    clock: DefaultClock,
    calls: AtomicU32,
}

impl Memory {
    pub fn new(quotas: &HashMap<Category, Quota>) -> Self {
        let counter = |quota: &Quota| {
            let replenished = governor::Quota::with_period(quota.interval())?.allow_burst(quota.limit());
            Some(RateLimiter::dashmap(replenished).with_middleware())
        };
        let counters = quotas.iter().filter_map(|(category, quota)| Some((*category, counter(quota)?)));
        Self { counters: counters.collect(), clock: DefaultClock::default(), calls: AtomicU32::new(0) }
    }

    pub fn take(&self, category: Category, quota: Quota, who: &str) -> Option<Taken> {
        let counter = self.counters.get(&category)?;
        if self.calls.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.counters.values().for_each(RateLimiter::retain_recent);
        }
        let (remaining, wait) = match counter.check_key(&who.to_owned()) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => (0, Some(until.wait_time_from(self.clock.now()))),
        };
        let used = quota.limit().get().saturating_sub(remaining);
        Some(Taken { quota, remaining, reset: quota.interval() * used, wait })
    }
}
