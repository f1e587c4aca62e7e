//! A blocking HTTP/1.1 connection that is kept alive: as little as possible between the request and the clock.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than any answer is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the server.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// A complete answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The body, empty if there is none.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Connection {
    /// Connects; small requests go out at once.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, received: Vec::with_capacity(4096) })
    }

    /// Sends a whole request and waits for the whole answer.
    pub fn send(&mut self, request: &[u8]) -> io::Result<Response<'_>> {
        self.stream.write_all(request)?;
        self.received.clear();
        let head = loop {
            self.receive()?;
            if let Some(head) = Head::parse(&self.received)? {
                break head;
            }
        };
        let end = head.length + head.body_length;
        while self.received.len() < end {
            self.receive()?;
        }
        Ok(Response { status: head.status, body: &self.received[head.length..end] })
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut chunk = [0; 8192];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.received.extend_from_slice(&chunk[..length]);
                Ok(())
            }
        }
    }
}

/// What stands before a body.
struct Head {
    status: u16,
    length: usize,
    body_length: usize,
}

impl Head {
    /// None while it is incomplete. An answer that does not say its length is refused rather than guessed.
    fn parse(received: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(received).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let status = response.code.unwrap_or_default();
        let said = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .and_then(|header| str::from_utf8(header.value).ok()?.trim().parse().ok());
        let body_length = match (said, status) {
            (Some(length), _) => length,
            (None, 204 | 304) => 0,
            (None, _) => return Err(io::Error::other("an answer without Content-Length")),
        };
        Ok(Some(Self { status, length, body_length }))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers the first request of the first connection with these pieces, each a packet of its own.
    fn server(pieces: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            for piece in pieces {
                stream.write_all(piece.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        address
    }

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        let pieces = &["HTTP/1.1 201 Cre", "ated\r\ncontent-LENGTH: 7\r\n\r", "\n{\"a\"", ":1}"];
        let mut connection = Connection::open(server(pieces)).unwrap();
        let response = connection.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(response, Response { status: 201, body: b"{\"a\":1}" });
        assert!(response.is_success());
    }

    #[test]
    fn no_content_needs_no_length() {
        let mut connection = Connection::open(server(&["HTTP/1.1 204 No Content\r\n\r\n"])).unwrap();
        let response = connection.send(b"x").unwrap();
        assert_eq!(response, Response { status: 204, body: b"" });
    }

    #[test]
    fn an_answer_without_length_and_a_closed_connection_are_errors() {
        let mut connection = Connection::open(server(&["HTTP/1.1 200 OK\r\n\r\nhello"])).unwrap();
        assert!(connection.send(b"x").is_err());
        let mut connection = Connection::open(server(&["HTTP/1.1 200 OK\r\nContent-Le"])).unwrap();
        assert_eq!(connection.send(b"x").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
