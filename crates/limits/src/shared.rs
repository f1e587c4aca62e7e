//! Counters that all servers share, in Redis.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use kernel::{Code, Error, Result, Secret, secret::ExposeSecret};
use redis::{
    Client, RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use std::sync::Mutex;

use crate::{Category, Quota, Taken};

/// The generic cell rate algorithm in one step, by Redis's own clock. What is kept is the theoretical time at which the
/// quota is whole again, in microseconds; a number of that size is written out, or Lua would round it.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local after = whole + interval
local from = after - interval * limit
if from > now then
  return {0, from - now, whole - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, math.floor((now - from) / interval), after - now}
";

/// How long a call waits for Redis. In the same network it answers in a fraction of a millisecond.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long nobody asks a Redis that did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// A Redis, whether it is there or not.
pub struct Shared {
    connection: ConnectionManager,
    script: Script,
    /// Until when nobody asks it.
    paused: Mutex<Option<Instant>>,
    away: AtomicBool,
}

impl Shared {
    /// # Errors
    /// `invalid_setting` for what is no URL of a Redis.
    pub fn at(url: &Secret) -> Result<Self> {
        let wrong = |_: RedisError| {
            Error::because(
                Code::InvalidSetting,
                "REDIS_URL is no URL of a Redis: give redis://host:6379/0, or rediss://.",
            )
        };
        let client = Client::open(url.expose_secret()).map_err(wrong)?;
        let patient = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PAUSE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client, patient).map_err(wrong)?;
        Ok(Self { connection, script: Script::new(TAKE), paused: Mutex::new(None), away: AtomicBool::new(false) })
    }

    /// Counts one call; `None` while Redis is away.
    pub async fn take(&self, category: Category, quota: Quota, who: &str) -> Option<Taken> {
        if self.is_paused() {
            return None;
        }
        let mut call = self.script.key(format!("fabric:limit:{}:{who}", category.name()));
        let call = call.arg(quota.interval().as_micros().to_string()).arg(quota.limit().get());
        let mut connection = self.connection.clone();
        // The connection's own patience does not count while it is being made.
        match tokio::time::timeout(PATIENCE, call.invoke_async::<(i64, i64, i64)>(&mut connection)).await {
            Ok(Ok(answer)) => {
                self.is_back();
                Some(taken(quota, answer))
            }
            Ok(Err(error)) => self.is_away(&error),
            Err(late) => self.is_away(&late),
        }
    }

    fn is_paused(&self) -> bool {
        let paused = self.paused.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        paused.is_some_and(|until| Instant::now() < until)
    }

    fn is_away(&self, why: &dyn std::fmt::Display) -> Option<Taken> {
        *self.paused.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now() + PAUSE);
        metrics::counter!("fabric_limits_redis_failures_total").increment(1);
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(%why, "Redis is away: each server counts calls for itself until it is back");
        }
        None
    }

    fn is_back(&self) {
        if self.away.load(Ordering::Relaxed) && self.away.swap(false, Ordering::Relaxed) {
            tracing::info!("Redis is back: calls are counted for all servers together");
        }
    }
}

fn taken(quota: Quota, (through, number, reset): (i64, i64, i64)) -> Taken {
    let micros = |number: i64| Duration::from_micros(u64::try_from(number).unwrap_or(0));
    let (remaining, wait) =
        if through == 1 { (u32::try_from(number).unwrap_or(0), None) } else { (0, Some(micros(number))) };
    Taken { quota, remaining, reset: micros(reset), wait }
}
