//! A receiver of webhooks: a real server on this machine, which keeps what it gets and answers as a test wants it to.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its path, with the query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// When it was there as a whole.
    pub at: Instant,
}

impl Received {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What a sink answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status and a body.
    Status(u16, String),
    /// A status, lines of headers, and a body.
    With(u16, Vec<String>, String),
    /// These bytes, whatever they are; then nothing more, and the connection stays.
    Bytes(Vec<u8>),
    /// A status, and a body without an end.
    Endless(u16),
    /// Another after a while.
    After(Duration, Box<Reply>),
    /// Nothing.
    Silence,
    /// The end of the connection.
    Hangup,
}

impl Reply {
    /// 200, without a word.
    #[must_use]
    pub fn ok() -> Self {
        Self::Status(200, String::new())
    }
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

/// The server. It ends when it is dropped.
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    received: Mutex<Vec<Received>>,
    over: AtomicBool,
    script: Box<Script>,
}

impl Sink {
    /// A sink that answers by a script.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    pub fn new(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("No port for a sink: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("No address of a sink: {error}"));
        let state =
            Arc::new(State { received: Mutex::default(), over: AtomicBool::new(false), script: Box::new(script) });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.over.load(Ordering::SeqCst) {
                    break;
                }
                let serving = Arc::clone(&serving);
                thread::spawn(move || drop(serve(&serving, &stream)));
            }
        });
        Self { address, state }
    }

    /// A sink that is content with everything.
    #[must_use]
    pub fn content() -> Self {
        Self::new(|_| Reply::ok())
    }

    /// A URL that leads there.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What has arrived so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().clone()
    }

    /// How much has arrived so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.lock().len()
    }

    /// Takes out what has arrived so far.
    #[must_use]
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.state.lock())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // So that the thread that listens sees it.
        drop(TcpStream::connect(self.address));
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one connection, request by request.
fn serve(state: &State, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        state.lock().push(request.clone());
        if !answer(state, stream, (state.script)(&request))? {
            break;
        }
    }
    Ok(())
}

fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Received { path, headers, body, at: Instant::now() }))
}

/// Tells whether the connection may go on.
fn answer(state: &State, mut stream: &TcpStream, reply: Reply) -> std::io::Result<bool> {
    match reply {
        Reply::Status(status, body) => answer(state, stream, Reply::With(status, Vec::new(), body)),
        Reply::With(status, headers, body) => {
            let lines = [vec![format!("HTTP/1.1 {status} Said"), format!("content-length: {}", body.len())], headers];
            write!(stream, "{}\r\n\r\n{body}", lines.concat().join("\r\n"))?;
            Ok(true)
        }
        Reply::Bytes(bytes) => {
            stream.write_all(&bytes)?;
            wait(state, stream)
        }
        Reply::Endless(status) => {
            write!(stream, "HTTP/1.1 {status} Said\r\ntransfer-encoding: chunked\r\n\r\n")?;
            while !state.over.load(Ordering::SeqCst) {
                stream.write_all(b"400\r\n")?;
                stream.write_all(&[b'x'; 1024])?;
                stream.write_all(b"\r\n")?;
            }
            Ok(false)
        }
        Reply::After(pause, reply) => {
            thread::sleep(pause);
            answer(state, stream, *reply)
        }
        Reply::Silence => wait(state, stream),
        Reply::Hangup => Ok(false),
    }
}

/// Says nothing more until the other end has gone.
fn wait(state: &State, mut stream: &TcpStream) -> std::io::Result<bool> {
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    while !state.over.load(Ordering::SeqCst) {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
