//! Load: as many threads as connections, each sends its next request when it has the answer to the last.

use std::{
    io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{Outcome, bench::client::Connection};

/// Writes a connection's next request, given the body of the last answer (empty at first, and after an error). Writes
/// nothing when there is nothing left to ask.
pub type Next = Box<dyn FnMut(&[u8], &mut Vec<u8>) + Send>;

/// How long to run before the clock counts, and how long while it does.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Caches fill, threads start, the processor finds its pace.
    pub warm_up: Duration,
    /// What is measured.
    pub window: Duration,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// How many connections asked at the same time.
    pub connections: usize,
    /// Successful answers that arrived in the window, for each second of it; or of the part until all were asked, if there
    /// was nothing left to ask before it ended.
    pub requests_per_second: f64,
    /// Half of the successful answers took no longer.
    pub p50_ms: f64,
    /// All but one in a hundred took no longer.
    pub p99_ms: f64,
    /// Refusals and broken connections in the window.
    pub errors: u64,
    /// What the first of them was.
    pub first_error: Option<String>,
}

impl Measurement {
    /// The rate as a part of another.
    pub fn rate_beside(&self, other: &Self) -> Option<f64> {
        (other.requests_per_second > 0.0).then(|| self.requests_per_second / other.requests_per_second)
    }

    /// How many times as long as another all but one in a hundred took at the most.
    pub fn p99_beside(&self, other: &Self) -> Option<f64> {
        (self.p99_ms > 0.0 && other.p99_ms > 0.0).then(|| self.p99_ms / other.p99_ms)
    }
}

/// The same request again and again, made once.
pub fn always(bytes: Vec<u8>) -> Next {
    Box::new(move |_, request| request.extend_from_slice(&bytes))
}

/// An error, if there was one, as the rest of a table's cell.
pub fn in_a_cell(error: Option<&str>) -> String {
    let short = |error: &str| error.chars().filter(|sign| *sign != '|' && *sign != '\n').take(120).collect::<String>();
    error.map(|error| format!(" ({})", short(error))).unwrap_or_default()
}

/// Loads the server with several groups of connections at once; one measurement for each group.
///
/// # Errors
/// When a thread cannot be started.
pub fn run(address: SocketAddr, timing: Timing, groups: Vec<Vec<Next>>) -> Outcome<Vec<Measurement>> {
    let from = Instant::now() + timing.warm_up;
    let window = Window { from, until: from + timing.window };
    let started: io::Result<Vec<Vec<_>>> = groups
        .into_iter()
        .map(|group| {
            let threads = group.into_iter().map(|next| {
                // A thread waits nearly all the time and needs next to no stack.
                let thread = thread::Builder::new().stack_size(256 * 1024);
                thread.spawn(move || ask(address, window, next))
            });
            threads.collect()
        })
        .collect();
    let groups = started.map_err(|error| format!("no thread for a connection: {error}"))?;
    groups
        .into_iter()
        .map(|group| {
            let connections = group.len();
            let tallies = group.into_iter().map(|thread| thread.join().unwrap_or_default());
            Ok(tallies.fold(Tally::default(), Tally::add).measured(connections, timing.window))
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Window {
    from: Instant,
    until: Instant,
}

/// One connection's life.
fn ask(address: SocketAddr, window: Window, mut next: Next) -> Tally {
    let mut tally = Tally::default();
    let mut connection = None;
    let (mut request, mut last) = (Vec::new(), Vec::new());
    loop {
        request.clear();
        next(&last, &mut request);
        let begun = Instant::now();
        if begun >= window.until {
            tally.cut_off = true;
            return tally;
        }
        if request.is_empty() {
            return tally;
        }
        let answer = exchange(&mut connection, address, &request, &mut last);
        let ended = Instant::now();
        let counts = (window.from..window.until).contains(&ended);
        match answer {
            Ok(()) if counts => {
                tally.latencies.saturating_record(microseconds(ended - begun));
                tally.took = ended - window.from;
            }
            Ok(()) => {}
            Err(error) => {
                connection = None;
                last.clear();
                // Also outside the window: it is why later ones fail.
                tally.first_error.get_or_insert(error);
                tally.errors += u64::from(counts);
                // A server that is gone would otherwise be asked a million times.
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn exchange(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    request: &[u8],
    body: &mut Vec<u8>,
) -> Result<(), String> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(address).map_err(|error| error.to_string())?),
    };
    let response = open.send(request).map_err(|error| error.to_string())?;
    body.clear();
    body.extend_from_slice(response.body);
    if response.is_success() {
        return Ok(());
    }
    Err(format!("{}: {}", response.status, String::from_utf8_lossy(response.body)))
}

/// What one connection has counted.
struct Tally {
    latencies: Histogram<u64>,
    /// From the beginning of the window to the last answer in it.
    took: Duration,
    /// There was more to ask when the window ended.
    cut_off: bool,
    errors: u64,
    first_error: Option<String>,
}

impl Default for Tally {
    fn default() -> Self {
        // From a microsecond to longer than anyone waits, to three digits.
        let latencies = Histogram::new_with_bounds(1, 60_000_000, 3);
        Self {
            latencies: latencies.unwrap_or_else(|error| unreachable!("constant bounds: {error}")),
            took: Duration::ZERO,
            cut_off: false,
            errors: 0,
            first_error: None,
        }
    }
}

impl Tally {
    fn add(mut self, other: Self) -> Self {
        if let Err(error) = self.latencies.add(other.latencies) {
            unreachable!("the same bounds: {error}");
        }
        self.took = self.took.max(other.took);
        self.cut_off |= other.cut_off;
        self.errors += other.errors;
        self.first_error = self.first_error.or(other.first_error);
        self
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and microseconds of seconds")]
    fn measured(self, connections: usize, window: Duration) -> Measurement {
        let window = if self.cut_off || self.took.is_zero() { window } else { self.took };
        let percentile = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        Measurement {
            connections,
            requests_per_second: self.latencies.len() as f64 / window.as_secs_f64(),
            p50_ms: percentile(0.50),
            p99_ms: percentile(0.99),
            errors: self.errors,
            first_error: self.first_error,
        }
    }
}

/// A time as histograms count it.
pub fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    const TIMING: Timing = Timing { warm_up: Duration::from_millis(50), window: Duration::from_millis(200) };

    /// Answers `GET /<path>` of any number of connections with what `answer` makes of the path, after a pause.
    fn server(pause: Duration, answer: fn(&str) -> String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move |stream: TcpStream| {
            stream.set_nodelay(true).unwrap();
            let mut writer = stream.try_clone().unwrap();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if let Some(path) = line.strip_prefix("GET /") {
                    thread::sleep(pause);
                    writer.write_all(answer(path.trim_end_matches(" HTTP/1.1")).as_bytes()).unwrap();
                }
            }
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream));
            }
        });
        address
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    fn get(path: &str) -> Next {
        let bytes = format!("GET /{path} HTTP/1.1\r\n\r\n");
        Box::new(move |_, request| request.extend_from_slice(bytes.as_bytes()))
    }

    #[test]
    fn rate_and_latency_are_those_of_the_server() {
        let address = server(Duration::from_millis(10), ok);
        let group = (0..4).map(|_| get("x")).collect();
        let measured = run(address, TIMING, vec![group]).unwrap().remove(0);
        assert_eq!((measured.connections, measured.errors), (4, 0));
        // Four connections with an answer every 10 ms: 400/s at the very most.
        assert!(measured.requests_per_second > 50.0, "{measured:?}");
        assert!(measured.requests_per_second < 420.0, "{measured:?}");
        assert!(measured.p50_ms >= 9.9, "{measured:?}");
        assert!(measured.p99_ms >= measured.p50_ms, "{measured:?}");
    }

    #[test]
    fn each_request_sees_the_answer_to_the_last() {
        // The server answers n with n + 1 and refuses a step back.
        let address = server(Duration::ZERO, |path| ok(&(path.parse::<u32>().unwrap() + 1).to_string()));
        let mut expected = 0;
        let counting: Next = Box::new(move |last, request| {
            let said: u32 = str::from_utf8(last).unwrap().parse().unwrap_or(0);
            assert_eq!(said, expected);
            expected += 1;
            write!(request, "GET /{said} HTTP/1.1\r\n\r\n").unwrap();
        });
        let measured = run(address, TIMING, vec![vec![counting]]).unwrap().remove(0);
        assert_eq!(measured.errors, 0, "{measured:?}");
        assert!(measured.requests_per_second > 0.0);
    }

    #[test]
    fn who_has_nothing_left_to_ask_is_done() {
        let mut left = vec!["c", "b", "a"];
        let few: Next = Box::new(move |_, request| {
            if let Some(path) = left.pop() {
                write!(request, "GET /{path} HTTP/1.1\r\n\r\n").unwrap();
            }
        });
        let timing = Timing { warm_up: Duration::ZERO, window: Duration::from_mins(1) };
        let begun = Instant::now();
        let measured = run(server(Duration::ZERO, ok), timing, vec![vec![few]]).unwrap().remove(0);
        let took = begun.elapsed();
        assert!(took < timing.window);
        // Three in the time that they took, not in the minute that there was.
        assert!(measured.requests_per_second >= 3.0 / took.as_secs_f64(), "{measured:?}");
    }

    #[test]
    fn refusals_are_counted_and_the_first_is_shown() {
        let address =
            server(Duration::ZERO, |_| "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull".to_owned());
        let measured = run(address, TIMING, vec![vec![get("x")]]).unwrap().remove(0);
        assert!(measured.errors > 0);
        assert!(measured.requests_per_second.abs() < f64::EPSILON);
        assert_eq!(measured.first_error.as_deref(), Some("503: full"));
    }

    #[test]
    fn groups_run_at_the_same_time_and_are_measured_apart() {
        let address = server(Duration::from_millis(2), ok);
        let groups = vec![vec![get("x")], vec![get("x"), get("x")]];
        let begun = Instant::now();
        let measured = run(address, TIMING, groups).unwrap();
        assert!(begun.elapsed() < 2 * (TIMING.warm_up + TIMING.window));
        let connections: Vec<_> = measured.iter().map(|group| group.connections).collect();
        assert_eq!(connections, [1, 2]);
    }
}
