//! The thread that keeps the connections.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::TcpListener,
    os::fd::IntoRawFd,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net};

use crate::{
    connection::{Connection, State},
    front::Limits,
    mailbox::{Answer, CLOSED, Head, OPENED, STRAY, answers},
    request::{Seen, look},
    shared::Shared,
};

const LISTENER: Token = Token(usize::MAX);
pub const WAKER: Token = Token(usize::MAX - 1);
/// How often connections are looked at that have been at the same for long.
const ROUND: Duration = Duration::from_millis(250);

pub struct Server {
    poll: Poll,
    listener: Option<net::TcpListener>,
    pub targets: HashMap<Vec<u8>, u32>,
    pub limits: Limits,
    tell: Box<dyn Fn() + Send>,
    pub shared: Arc<Shared>,
    pub connections: HashMap<u32, Connection>,
    last: u32,
    scratch: Box<[u8]>,
}

impl Server {
    pub fn new(
        poll: Poll,
        listener: TcpListener,
        targets: Vec<String>,
        limits: Limits,
        tell: Box<dyn Fn() + Send>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let mut listener = net::TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let targets = (0..)
            .zip(targets)
            .map(|(place, name)| (name.into_bytes(), place))
            .collect();
        Ok(Self {
            poll,
            listener: Some(listener),
            targets,
            limits,
            tell,
            shared,
            connections: HashMap::new(),
            last: 0,
            scratch: vec![0; 64 * 1024].into_boxed_slice(),
        })
    }

    pub fn run(&mut self) {
        self.serve_all();
        self.shared.ended.store(true, Ordering::Release);
        (self.tell)();
    }

    fn serve_all(&mut self) {
        let mut events = Events::with_capacity(1024);
        let mut round = Instant::now();
        while self.listener.is_some() || !self.connections.is_empty() {
            match self.poll.poll(&mut events, Some(ROUND)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return,
                Ok(()) => {}
            }
            let now = Instant::now();
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(now),
                    WAKER => self.send(now),
                    Token(number) => {
                        let number = u32::try_from(number).expect("numbers are of 32 bits");
                        if event.is_readable()
                            && let Some(connection) = self.connections.get_mut(&number)
                        {
                            connection.readable = true;
                        }
                        self.advance(number, now);
                    }
                }
            }
            if now >= round + ROUND {
                round = now;
                self.hurry(now);
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        loop {
            let Some(listener) = &self.listener else {
                return;
            };
            let (mut stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Until there are more file descriptors, connections wait.
                Err(_) => return,
            };
            let strays = self.shared.strays.load(Ordering::Relaxed);
            if self.connections.len() + strays >= self.limits.connections {
                continue;
            }
            let _ = stream.set_nodelay(true);
            let number = self.number();
            let token = Token(number as usize);
            let interest = Interest::READABLE | Interest::WRITABLE;
            if self
                .poll
                .registry()
                .register(&mut stream, token, interest)
                .is_err()
            {
                continue;
            }
            self.connections
                .insert(number, Connection::new(stream, now));
            let head = Head {
                kind: OPENED,
                connection: number,
                ..Head::default()
            };
            self.put(head, None, &[peer.ip().to_string().as_bytes()]);
            self.advance(number, now);
        }
    }

    fn number(&mut self) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            if !self.connections.contains_key(&self.last) {
                return self.last;
            }
        }
    }

    pub fn put(&self, head: Head, agent: Option<&[u8]>, parts: &[&[u8]]) {
        if self.shared.mailbox.put(head, agent, parts) {
            (self.tell)();
        }
    }

    /// Goes on with a connection as far as it goes.
    fn advance(&mut self, number: u32, now: Instant) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        if matches!(connection.state, State::Sending | State::Ending) {
            let before = connection.unsent();
            match connection.flush() {
                Ok(true) if connection.last || connection.state == State::Ending => {
                    return self.end(number);
                }
                Ok(true) => connection.next(now),
                Ok(false) => {
                    if connection.unsent() < before {
                        connection.since = now;
                    }
                    return;
                }
                Err(_) => return self.end(number),
            }
        }
        if connection.read.is_empty() {
            connection.since = now;
        }
        // Whoever waits for an answer, and has sent all it may, is read no further.
        let most = self.limits.head + self.limits.body;
        match connection.fill(&mut self.scratch, most) {
            Ok(true) => {}
            // A client that closes its side and waits for its answer gets it.
            Ok(false) if connection.state == State::Waiting => connection.last = true,
            Ok(false) | Err(_) => return self.end(number),
        }
        if connection.state == State::Reading && !connection.read.is_empty() {
            self.serve(number, now);
        }
    }

    /// Serves what a connection has sent, if it is a whole request.
    fn serve(&mut self, number: u32, now: Instant) {
        let Some(mut connection) = self.connections.remove(&number) else {
            return;
        };
        let Limits { head, body, .. } = self.limits;
        match look(&connection.read, head, body) {
            Seen::Partial => {
                self.connections.insert(number, connection);
            }
            Seen::Foreign => self.give(number, connection, false),
            Seen::Request(request) => {
                let (end, last) = (request.body.end, request.last);
                let agent = self.hand(number, &connection, &request);
                if let Some(agent) = agent {
                    connection.agent = Some(agent);
                }
                connection.serving = end;
                connection.last = last;
                connection.state = State::Waiting;
                connection.since = now;
                self.connections.insert(number, connection);
            }
        }
    }

    /// Gives a connection away.
    fn give(&mut self, number: u32, mut connection: Connection, late: bool) {
        let _ = self.poll.registry().deregister(&mut connection.stream);
        self.shared.strays.fetch_add(1, Ordering::Relaxed);
        let fd = u32::try_from(connection.stream.into_raw_fd()).expect("descriptors are positive");
        let head = Head {
            kind: STRAY,
            connection: number,
            turn: connection.turn,
            target: fd,
            sent: late.into(),
            ..Head::default()
        };
        self.put(head, None, &[&connection.read]);
    }

    fn end(&mut self, number: u32) {
        let Some(mut connection) = self.connections.remove(&number) else {
            return;
        };
        let _ = self.poll.registry().deregister(&mut connection.stream);
        let head = Head {
            kind: CLOSED,
            connection: number,
            ..Head::default()
        };
        self.put(head, None, &[]);
    }

    /// Sends what was answered, and goes on with what these connections have sent meanwhile.
    fn send(&mut self, now: Instant) {
        let rows = std::mem::take(
            &mut *self
                .shared
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for answer in rows.iter().flat_map(|row| answers(row)) {
            self.answer(&answer, now);
        }
        if self.shared.closing.load(Ordering::Relaxed) {
            self.wind_up();
        }
    }

    fn answer(&mut self, answer: &Answer<'_>, now: Instant) {
        let number = answer.connection;
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        if connection.state != State::Waiting || connection.turn != answer.turn {
            return;
        }
        match answer.bytes {
            Some(bytes) => {
                let last = answer.last || connection.last;
                let sent = connection.answer(bytes);
                self.sent(number, &sent, last, now);
            }
            None => self.hand_on(number),
        }
    }

    fn sent(&mut self, number: u32, sent: &io::Result<bool>, last: bool, now: Instant) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        match sent {
            Ok(false) => {
                connection.since = now;
                connection.state = if last { State::Ending } else { State::Sending };
            }
            Ok(true) if last => self.end(number),
            Err(_) => self.end(number),
            Ok(true) => {
                connection.next(now);
                self.advance(number, now);
            }
        }
    }

    /// Ends what is idle, and takes no more.
    fn wind_up(&mut self) {
        if let Some(mut listener) = self.listener.take() {
            let _ = self.poll.registry().deregister(&mut listener);
        }
        let all = self.shared.aborting.load(Ordering::Relaxed);
        let idle = |connection: &Connection| all || connection.state == State::Reading;
        let numbers: Vec<u32> = self
            .connections
            .iter_mut()
            .filter_map(|(&number, connection)| {
                connection.last = true;
                idle(connection).then_some(number)
            })
            .collect();
        for number in numbers {
            self.end(number);
        }
    }

    /// Ends connections that have been idle for long, or whose answers nobody reads, and gives those away that are too slow with
    /// a request.
    fn hurry(&mut self, now: Instant) {
        let Limits {
            heads,
            requests,
            idle,
            ..
        } = self.limits;
        let mut slow = Vec::new();
        let mut old = Vec::new();
        for (&number, connection) in &self.connections {
            let time = now - connection.since;
            match connection.state {
                State::Waiting => continue,
                State::Sending | State::Ending => {
                    if time > idle {
                        old.push(number);
                    }
                    continue;
                }
                State::Reading => {}
            }
            let begun = !connection.read.is_empty();
            let whole_head = connection.read.windows(4).any(|four| four == b"\r\n\r\n");
            if begun && time > if whole_head { requests } else { heads } {
                slow.push(number);
            } else if !begun && time > idle {
                old.push(number);
            }
        }
        for number in old {
            self.end(number);
        }
        for number in slow {
            if let Some(connection) = self.connections.remove(&number) {
                self.give(number, connection, true);
            }
        }
        if self.shared.closing.load(Ordering::Relaxed) {
            self.wind_up();
        }
    }
}
