//! How fast an endpoint takes what is sent there, and how much of it at once.

use std::time::Duration;

use kernel::Timestamp;

use crate::flight::Went;

/// Waits longer than this are waited for by nobody who holds the endpoint.
const LONG: Duration = Duration::from_secs(1);
/// How long an endpoint is left alone that does not answer.
const REST: Duration = Duration::from_secs(30);

/// So many deliveries in a minute at the most, one after the other at equal distances.
#[derive(Default)]
pub(crate) struct Pace {
    distance: Option<Duration>,
    next: Option<Timestamp>,
}

impl Pace {
    pub fn set(&mut self, per_minute: Option<i32>) {
        let per_minute = per_minute.and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0);
        self.distance = per_minute.map(|rate| Duration::from_mins(1) / rate);
    }

    /// Whether one may go now.
    pub fn allows(&self, now: Timestamp) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// One goes: the next one then waits for its turn.
    pub fn go(&mut self, now: Timestamp) {
        self.next = self.distance.map(|distance| now.after(distance));
    }

    /// How long the next one waits.
    pub fn pause(&self, now: Timestamp) -> Duration {
        self.next.map(|next| now.until(next)).unwrap_or_default()
    }

    /// Whether that is long.
    pub fn is_long(&self, now: Timestamp) -> bool {
        self.pause(now) > LONG
    }

    /// A short pause was waited for.
    pub fn passed(&mut self) {
        if self.next.is_some() && self.distance.is_some_and(|distance| distance <= LONG) {
            self.next = None;
        }
    }

    /// Leaves the endpoint alone for a while.
    pub fn rest(&mut self, now: Timestamp) {
        let rested = now.after(REST);
        self.next = Some(self.next.map_or(rested, |next| next.max(rested)));
    }

    /// Until when nothing is sent.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.next.filter(|next| *next > now)
    }
}

/// How many requests are under way at once: few at first, more while all goes well, one where answers do not come. So
/// those who keep us waiting take little of what all share.
pub(crate) struct Width {
    ordered: bool,
    width: usize,
    unanswered: u32,
}

/// Whom nobody knows yet may turn out to hang.
const FIRST: usize = 2;
/// Who takes some time has that much at once.
const MODEST: usize = 4;
const WIDEST: usize = 64;
/// So many that were slow to fail, one after the other, are enough for now.
const ENOUGH: u32 = 3;
/// What takes longer is no reason to send more at once. Who belongs into the slow lane is another question.
const LATE: Duration = Duration::from_secs(1);

impl Default for Width {
    fn default() -> Self {
        Self { ordered: false, width: FIRST, unanswered: 0 }
    }
}

impl Width {
    /// One at a time to begin with: it is known for not answering.
    pub fn narrow(&mut self) {
        self.width = 1;
    }

    /// How many deliveries are worth loading: what is loaded grows old.
    pub fn batch(&self) -> usize {
        (4 * self.width).clamp(16, 200)
    }

    pub fn set_ordered(&mut self, ordered: bool) {
        self.ordered = ordered;
    }

    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    pub fn get(&self) -> usize {
        if self.ordered { 1 } else { self.width }
    }

    /// Takes note of how one went. `false` when the endpoint is better left alone for a while.
    pub fn note(&mut self, went: &Went) -> bool {
        match (went.arrived, went.took > LATE) {
            (true, false) => (self.width, self.unanswered) = ((self.width + 1).min(WIDEST), 0),
            (true, true) => (self.width, self.unanswered) = (self.width.min(MODEST), 0),
            (false, false) => self.width = (self.width / 2).max(1),
            (false, true) => (self.width, self.unanswered) = (1, self.unanswered + 1),
        }
        self.unanswered < ENOUGH
    }
}
