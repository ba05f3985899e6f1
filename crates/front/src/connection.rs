//! One connection: what was read of it and not yet served, what is to be written, and whose turn it is.

use std::{
    io::{self, ErrorKind, Read, Write},
    time::Instant,
};

use mio::net::TcpStream;

/// What a connection is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing is there of a request, or not all.
    Reading,
    /// Its request is being served.
    Waiting,
    /// Its answer is on its way; what else it asks waits until then, lest answers pile up that nobody reads.
    Sending,
    /// It ends when all is written.
    Ending,
}

pub struct Connection {
    pub stream: TcpStream,
    pub state: State,
    /// How many requests it had.
    pub turn: u32,
    /// Since when it has been at this.
    pub since: Instant,
    /// What was read; the request that is being served stands at its beginning.
    pub read: Vec<u8>,
    /// The length of that request.
    pub serving: usize,
    pub last: bool,
    /// The socket may have more for us.
    pub readable: bool,
    /// The user agent that was told last.
    pub agent: Option<Vec<u8>>,
    write: Vec<u8>,
    written: usize,
}

impl Connection {
    pub fn new(stream: TcpStream, now: Instant) -> Self {
        Self {
            stream,
            state: State::Reading,
            turn: 0,
            since: now,
            read: Vec::new(),
            serving: 0,
            last: false,
            readable: true,
            agent: None,
            write: Vec::new(),
            written: 0,
        }
    }

    /// Reads what there is; false when the other side has closed.
    pub fn fill(&mut self, scratch: &mut [u8], most: usize) -> io::Result<bool> {
        while self.readable && self.read.len() < most {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.read.extend_from_slice(&scratch[..count]);
                    // Whoever gets less than it has room for has emptied the socket, which tells when there is more.
                    self.readable = count == scratch.len();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Has `bytes` written behind what still is to be.
    pub fn answer(&mut self, bytes: &[u8]) -> io::Result<bool> {
        self.write.extend_from_slice(bytes);
        self.flush()
    }

    /// Writes what the socket takes; whether that was all.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.written < self.write.len() {
            match self.stream.write(&self.write[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.write.clear();
        self.written = 0;
        Ok(true)
    }

    /// Bytes that the socket did not take yet.
    pub fn unsent(&self) -> usize {
        self.write.len() - self.written
    }

    /// Goes on to what was read behind the request that was served.
    pub fn next(&mut self, now: Instant) {
        self.read.drain(..self.serving);
        self.serving = 0;
        self.turn = self.turn.wrapping_add(1);
        self.since = now;
        self.state = State::Reading;
    }
}
