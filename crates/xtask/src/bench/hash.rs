//! The bare rate of the machine at Argon2id: no server can sign people in faster.

use std::{
    num::NonZero,
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, Version};

use crate::Outcome;

/// KiB of memory, passes and lanes: what OWASP recommends and Fabric has by default.
pub const PARAMETERS: (u32, u32, u32) = (19_456, 2, 1);

/// Hashes a second on as many threads as there are cores.
///
/// # Errors
/// When a hash fails.
pub fn rate(window: Duration) -> Outcome<f64> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let until = Instant::now() + window;
    let rates: Vec<Outcome<f64>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| rate_of_one(until))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a hashing thread panicked".to_owned())))
            .collect()
    });
    rates.into_iter().sum()
}

fn rate_of_one(until: Instant) -> Outcome<f64> {
    let (memory, passes, lanes) = PARAMETERS;
    let parameters = Params::new(memory, passes, lanes, None).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let begun = Instant::now();
    let mut hashes = 0;
    let mut hash = [0; 32];
    // The last hash may end after the window, so the time it took is counted rather than the window.
    while hashes == 0 || Instant::now() < until {
        argon2
            .hash_password_into(b"correct horse battery staple", b"sixteen bytes, 1", &mut hash)
            .map_err(|error| error.to_string())?;
        hashes += 1;
    }
    Ok(f64::from(hashes) / begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_hashes_more_than_once_and_less_than_a_hundred_thousand_times_a_second() {
        let rate = rate(Duration::from_millis(50)).unwrap();
        assert!((1.0..100_000.0).contains(&rate), "{rate}");
    }
}
