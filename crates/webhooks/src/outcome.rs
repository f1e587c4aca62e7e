//! What an attempt comes to.

use std::time::Duration;

use kernel::{EventKind, Timestamp};

use crate::{Attempt, Delivery, DeliveryStatus, Endpoint, Tried, wait_before};

/// The receiver wants nothing any more (RFC 9110, 15.5.11).
pub const GONE: i32 = 410;

impl Delivery {
    /// What this attempt comes to: it arrived, or is tried again some time later, or is given up, as when it has been
    /// tried so often, and when there is no sense in another try. `chance` is as in [`wait_before`], and `asked` what the
    /// receiver asks to wait.
    #[must_use]
    pub fn tried(&self, attempt: Attempt, endpoint: &Endpoint, chance: f64, asked: Option<Duration>) -> Tried {
        let tries = attempt.number - self.forgiven;
        // Who tries an endpoint out looks at what comes of it.
        let test = self.kind == EventKind::WebhookTest.as_str();
        let retries = if test { 0 } else { endpoint.max_retries };
        let (status, due_at) = if attempt.arrived() {
            (DeliveryStatus::Success, None)
        } else if tries > retries || attempt.status_code == Some(GONE) {
            (DeliveryStatus::Failed, None)
        } else {
            // From its end on: a receiver that took its time is not asked again at once.
            (DeliveryStatus::Pending, Some(attempt.ended_at().after(wait_before(tries, chance, asked))))
        };
        let telling = !test || status == DeliveryStatus::Success;
        self.outcome(attempt, status, due_at, telling, endpoint.updated_at)
    }

    /// Gives it up without sending it: it says nothing any more.
    #[must_use]
    pub fn given_up(&self, attempt: Attempt) -> Tried {
        let at = attempt.at;
        self.outcome(attempt, DeliveryStatus::Failed, None, false, at)
    }

    fn outcome(
        &self,
        attempt: Attempt,
        status: DeliveryStatus,
        due_at: Option<Timestamp>,
        telling: bool,
        asked: Timestamp,
    ) -> Tried {
        Tried { delivery: self.id, endpoint: self.endpoint, attempt, status, due_at, telling, asked }
    }
}

/// What `Retry-After` asks for: seconds, or a moment (RFC 9110, 10.2.3).
#[must_use]
pub fn asked_to_wait(retry_after: &str, now: Timestamp) -> Option<Duration> {
    let text = retry_after.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let then = Timestamp::from_unix_seconds(i64::try_from(then.as_secs()).ok()?)?;
    Some(now.until(then))
}

#[cfg(test)]
mod tests {
    use kernel::id::{EventId, OrganizationId, WebhookId};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    fn endpoint(max_retries: i32) -> Endpoint {
        Endpoint { max_retries, ..crate::audience::tests::endpoint(OrganizationId::generate(), None) }
    }

    fn delivery(kind: EventKind) -> Delivery {
        Delivery::new(WebhookId::generate(), EventId::generate(), kind.as_str().to_owned(), 1, at(0))
    }

    fn attempt(number: i32, status_code: Option<i32>) -> Attempt {
        let error = status_code.is_none().then(|| "no answer".to_owned());
        Attempt { number, at: at(100), latency_ms: 0, status_code, answer: None, error }
    }

    #[test]
    fn what_fails_is_tried_again_until_it_is_given_up() {
        let delivery = delivery(EventKind::TeamCreated);
        for (number, code, status, due_at) in [
            (1, Some(200), DeliveryStatus::Success, None),
            (1, Some(204), DeliveryStatus::Success, None),
            (1, Some(302), DeliveryStatus::Pending, Some(at(110))),
            (1, None, DeliveryStatus::Pending, Some(at(110))),
            (2, Some(500), DeliveryStatus::Pending, Some(at(160))),
            (3, Some(500), DeliveryStatus::Failed, None),
            (3, Some(299), DeliveryStatus::Success, None),
            (1, Some(GONE), DeliveryStatus::Failed, None),
        ] {
            let tried = delivery.tried(attempt(number, code), &endpoint(2), 0.0, None);
            assert_eq!((tried.status, tried.due_at), (status, due_at), "{number} {code:?}");
        }
        let asked = delivery.tried(attempt(1, Some(503)), &endpoint(2), 0.0, Some(Duration::from_secs(50)));
        assert_eq!(asked.due_at, Some(at(150)));
    }

    #[test]
    fn who_is_sent_anew_has_all_tries_again() {
        let delivery = Delivery { attempts: 3, forgiven: 3, ..delivery(EventKind::TeamCreated) };
        let tried = delivery.tried(attempt(4, Some(500)), &endpoint(2), 0.0, None);
        assert_eq!((tried.status, tried.due_at), (DeliveryStatus::Pending, Some(at(110))));
        assert_eq!(delivery.tried(attempt(6, Some(500)), &endpoint(2), 0.0, None).status, DeliveryStatus::Failed);
    }

    #[test]
    fn a_test_is_tried_once() {
        let tried = delivery(EventKind::WebhookTest).tried(attempt(1, Some(500)), &endpoint(5), 0.0, None);
        assert_eq!((tried.status, tried.telling), (DeliveryStatus::Failed, false));
    }

    #[test]
    fn it_is_waited_from_the_end_of_an_attempt_on() {
        let slow = Attempt { latency_ms: 9_000, ..attempt(1, Some(500)) };
        assert_eq!(delivery(EventKind::TeamCreated).tried(slow, &endpoint(2), 0.0, None).due_at, Some(at(119)));
    }

    #[test]
    fn what_was_never_sent_says_nothing_of_the_endpoint() {
        let given_up = delivery(EventKind::TeamCreated).given_up(attempt(1, None));
        assert_eq!((given_up.status, given_up.due_at, given_up.telling), (DeliveryStatus::Failed, None, false));
    }

    #[test]
    fn receivers_ask_for_seconds_or_name_a_moment() {
        assert_eq!(asked_to_wait(" 120 ", at(0)), Some(Duration::from_mins(2)));
        let moment = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(asked_to_wait(moment, at(784_111_777 - 60)), Some(Duration::from_mins(1)));
        assert_eq!(asked_to_wait(moment, at(784_111_778)), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-5", "1.5", "99999999999999999999999999"] {
            assert_eq!(asked_to_wait(nonsense, at(0)), None, "{nonsense}");
        }
    }
}
