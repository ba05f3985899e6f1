//! One connection: its bytes out and in, over TCP or TLS, and the answer in them.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
};

use mio::net::TcpStream;
use rustls::ClientConnection;

use crate::plan::Target;

/// What an answer said.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// What went wrong, as the server calls it; of refusals alone.
    pub error: Option<String>,
    /// The server will not take another request here.
    pub last: bool,
}

enum Wire {
    Plain(TcpStream),
    Secure(Box<ClientConnection>, TcpStream),
}

pub struct Connection {
    wire: Wire,
    /// What is left to be sent of the request under way.
    sent: usize,
    received: Vec<u8>,
}

impl Connection {
    pub fn open(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect(target.address)?;
        // On some systems a connection that is not there yet refuses options; it is then slower and no worse.
        let _ = stream.set_nodelay(true);
        let wire = match &target.tls {
            None => Wire::Plain(stream),
            Some((config, name)) => {
                let tls = ClientConnection::new(Arc::clone(config), name.clone())
                    .map_err(io::Error::other)?;
                Wire::Secure(Box::new(tls), stream)
            }
        };
        Ok(Self {
            wire,
            sent: 0,
            received: Vec::with_capacity(16 * 1024),
        })
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        match &mut self.wire {
            Wire::Plain(stream) | Wire::Secure(_, stream) => stream,
        }
    }

    /// Forgets the last exchange.
    pub fn begin(&mut self) {
        self.sent = 0;
        self.received.clear();
    }

    /// Sends as much as the socket takes; whether all of it is on its way.
    pub fn send(&mut self, request: &[u8]) -> io::Result<bool> {
        match &mut self.wire {
            Wire::Plain(stream) => {
                while self.sent < request.len() {
                    match stream.write(&request[self.sent..]) {
                        Ok(0) => return Err(ErrorKind::WriteZero.into()),
                        Ok(count) => self.sent += count,
                        Err(error) if waits(&error) => return Ok(false),
                        Err(error) => return Err(error),
                    }
                }
            }
            Wire::Secure(tls, stream) => {
                shake(tls, stream)?;
                while self.sent < request.len() {
                    let count = tls.writer().write(&request[self.sent..])?;
                    self.sent += count;
                    if !flush(tls, stream)? || count == 0 {
                        return Ok(false);
                    }
                }
                return flush(tls, stream);
            }
        }
        Ok(true)
    }

    /// Reads what there is; the answer once all of it is there.
    pub fn receive(&mut self, scratch: &mut [u8]) -> io::Result<Option<Answer>> {
        loop {
            let count = match &mut self.wire {
                Wire::Plain(stream) => stream.read(scratch),
                Wire::Secure(tls, stream) => read_secure(tls, stream, scratch),
            };
            match count {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.received.extend_from_slice(&scratch[..count]),
                Err(error) if waits(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
            if let Some(answer) = parse(&self.received)? {
                return Ok(Some(answer));
            }
        }
    }

    pub fn received(&self) -> usize {
        self.received.len()
    }
}

/// Not yet, and not broken either.
fn waits(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted
    )
}

/// Goes on with the handshake as far as it goes.
fn shake(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.is_handshaking() {
        flush(tls, stream)?;
        match tls.read_tls(stream) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {
                tls.process_new_packets().map_err(io::Error::other)?;
            }
            Err(error) if waits(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts what TLS has to say on the wire; whether all of it went.
fn flush(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<bool> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if waits(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(!tls.is_handshaking())
}

fn read_secure(
    tls: &mut ClientConnection,
    stream: &mut TcpStream,
    scratch: &mut [u8],
) -> io::Result<usize> {
    loop {
        match tls.reader().read(scratch) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return read,
        }
        if tls.read_tls(stream)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        flush(tls, stream)?;
    }
}

/// The whole answer at the beginning of `bytes`, if it is whole.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let field = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        found
            .and_then(|header| std::str::from_utf8(header.value).ok())
            .map(str::trim)
    };
    let status = response.code.unwrap_or(0);
    let end = match field("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => (bytes.len() >= head + length).then_some(head + length),
        Some(Err(_)) => return Err(io::Error::other("the length of the answer is no number")),
        None if status == 204 => Some(head),
        None if field("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) => {
            chunked(&bytes[head..])?.map(|length| head + length)
        }
        None => return Err(io::Error::other("the answer does not say how long it is")),
    };
    let Some(end) = end else { return Ok(None) };
    let error = (status >= 400).then(|| {
        field("x-amzn-errortype")
            .map(|name| name.split(':').next().unwrap_or(name).to_owned())
            .or_else(|| type_in(&bytes[head..end]))
            .unwrap_or_else(|| format!("HTTP {status}"))
    });
    let last = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Answer {
        status,
        error,
        last,
    }))
}

/// The length of a chunked body, with all that belongs to it; nothing while its end is not there.
fn chunked(mut body: &[u8]) -> io::Result<Option<usize>> {
    let whole = body.len();
    loop {
        let status = httparse::parse_chunk_size(body)
            .map_err(|_| io::Error::other("a chunk has no size"))?;
        let httparse::Status::Complete((start, size)) = status else {
            return Ok(None);
        };
        let size = usize::try_from(size).map_err(io::Error::other)?;
        if size == 0 {
            // Trailers, if there are any, end in an empty line.
            let rest = &body[start..];
            let end = if rest.starts_with(b"\r\n") {
                Some(2)
            } else {
                rest.windows(4)
                    .position(|four| four == b"\r\n\r\n")
                    .map(|at| at + 4)
            };
            return Ok(end.map(|end| whole - body.len() + start + end));
        }
        match body.get(start + size + 2..) {
            Some(rest) => body = rest,
            None => return Ok(None),
        }
    }
}

/// What the member `__type` of a JSON document says, without the name space in front.
fn type_in(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let after = text.split_once("\"__type\"")?.1.split_once('"')?.1;
    let name = after.split_once('"')?.0;
    Some(name.rsplit('#').next().unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_once_they_are_whole() {
        let ok = |status| {
            Some(Answer {
                status,
                error: None,
                last: false,
            })
        };
        let refused = |name: &str| {
            Some(Answer {
                status: 400,
                error: Some(name.into()),
                last: false,
            })
        };
        for (text, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-le", None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", ok(200)),
            ("HTTP/1.1 204 No Content\r\n\r\n", ok(204)),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
                None,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                ok(200),
            ),
            (
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 48\r\n\r\n{\"__type\":\"com.amazon#NotFoundException\",\"a\":1}",
                None,
            ),
            (
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 35\r\n\r\n{\"__type\":\"com.x#NotFoundException\"}",
                refused("NotFoundException"),
            ),
            (
                "HTTP/1.1 400 Bad Request\r\nx-amzn-errortype: ThrottlingException:\r\ncontent-length: 0\r\n\r\n",
                refused("ThrottlingException"),
            ),
        ] {
            assert_eq!(
                parse(text.as_bytes()).expect("an answer"),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
