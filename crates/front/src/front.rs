//! The thread that keeps the connections, and the handle that whoever is behind holds.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
    os::fd::IntoRawFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker, net};

use crate::{
    connection::{Connection, State},
    mailbox::{CLOSED, Head, Mailbox, OPENED, STRAY, TRUSTED, WHOLE},
    request::{Field, Request, Seen, look},
    signature::signed,
    trust::Trusts,
};

/// What a front takes, and how long it waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, those that strayed included.
    pub connections: usize,
    /// Bytes of a head.
    pub head: usize,
    /// Bytes of a body.
    pub body: usize,
    /// How long a client may take to send its head.
    pub heads: Duration,
    /// How long it may take to send a whole request.
    pub requests: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
}

/// What the media type of our requests has to be, in so many bytes.
const MEDIA: &[u8] = b"application/x-amz-json-1.1";
/// Fields that whoever is behind has to look at.
const SPECIAL: &[u8] = b"x-strongroom-grant-expires-in";
const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// How often connections are looked at that have been at the same for long.
const ROUND: Duration = Duration::from_millis(250);

struct Shared {
    mailbox: Mailbox,
    answers: Mutex<Vec<Answer>>,
    trusts: Trusts,
    closing: AtomicBool,
    aborting: AtomicBool,
    /// Connections that were given away and live on.
    strays: AtomicUsize,
    waker: Waker,
}

/// What becomes of a request.
struct Answer {
    connection: u32,
    turn: u32,
    /// A whole answer; without one the request is handed on as it came.
    bytes: Option<Vec<u8>>,
    last: bool,
}

/// A front at work.
pub struct Front {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    address: SocketAddr,
}

impl Front {
    /// Serves what `listener` accepts. `targets` are the values of `X-Amz-Target` that are ours, and `tell` is called, on the
    /// front's thread, when there are records where there were none.
    pub fn start(
        listener: TcpListener,
        targets: Vec<String>,
        limits: Limits,
        tell: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let mut listener = net::TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let shared = Arc::new(Shared {
            mailbox: Mailbox::default(),
            answers: Mutex::default(),
            trusts: Trusts::default(),
            closing: AtomicBool::new(false),
            aborting: AtomicBool::new(false),
            strays: AtomicUsize::new(0),
            waker,
        });
        let mut server = Server {
            poll,
            listener: Some(listener),
            targets: (0..)
                .zip(targets)
                .map(|(place, name)| (name.into_bytes(), place))
                .collect(),
            limits,
            tell: Box::new(tell),
            shared: Arc::clone(&shared),
            connections: HashMap::new(),
            last: 0,
            scratch: vec![0; 64 * 1024].into_boxed_slice(),
        };
        let thread = thread::Builder::new()
            .name("front".to_owned())
            .spawn(move || server.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Copies records to `out`, whole ones; how many bytes. Until there are none, nobody is told of more.
    pub fn take(&self, out: &mut [u8]) -> usize {
        self.shared.mailbox.take(out)
    }

    /// Sends `bytes`, once `flush` says so: a whole answer, to whoever asked in this turn of this connection; `last` ends the connection.
    pub fn answer(&self, connection: u32, turn: u32, bytes: Vec<u8>, last: bool) {
        self.push(Answer {
            connection,
            turn,
            bytes: Some(bytes),
            last,
        });
    }

    /// Hands the request of this turn on as it came, once `flush` says so.
    pub fn whole(&self, connection: u32, turn: u32) {
        self.push(Answer {
            connection,
            turn,
            bytes: None,
            last: false,
        });
    }

    fn push(&self, answer: Answer) {
        self.shared
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(answer);
    }

    /// Has the answers so far sent.
    pub fn flush(&self) {
        let _ = self.shared.waker.wake();
    }

    /// Believes signatures by `key` from now on; what records call whoever signs so.
    pub fn trust(&self, credential: &[u8], token: Option<&[u8]>, key: &[u8]) -> u32 {
        self.shared.trusts.add(credential, token, key)
    }

    /// A connection that was given away is no more.
    pub fn stray_ended(&self) {
        self.shared.strays.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes no more connections, ends idle ones, and each other once it was answered.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.flush();
    }

    /// Ends all connections, answered or not.
    pub fn abort(&self) {
        self.shared.aborting.store(true, Ordering::Relaxed);
        self.close();
    }

    /// Waits for the thread, which ends when all connections have.
    pub fn join(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

struct Server {
    poll: Poll,
    listener: Option<net::TcpListener>,
    targets: HashMap<Vec<u8>, u32>,
    limits: Limits,
    tell: Box<dyn Fn() + Send>,
    shared: Arc<Shared>,
    connections: HashMap<u32, Connection>,
    last: u32,
    scratch: Box<[u8]>,
}

impl Server {
    fn run(&mut self) {
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
                        self.advance(number, now, event.is_writable());
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
            self.advance(number, now, false);
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

    fn put(&self, head: Head, agent: Option<&[u8]>, parts: &[&[u8]]) {
        if self.shared.mailbox.put(head, agent, parts) {
            (self.tell)();
        }
    }

    /// Goes on with a connection as far as it goes.
    fn advance(&mut self, number: u32, now: Instant, writable: bool) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        let flushed = if writable {
            connection.flush()
        } else {
            Ok(true)
        };
        let done =
            flushed.is_err() || (connection.state == State::Ending && flushed.is_ok_and(|all| all));
        if done {
            return self.end(number);
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

    /// Hands a request to whoever is behind; its user agent, if that is another than before.
    fn hand(&self, number: u32, connection: &Connection, request: &Request<'_>) -> Option<Vec<u8>> {
        let fields = &request.fields;
        let body = &connection.read[request.body.clone()];
        let target = match fields.get(b"x-amz-target") {
            Field::Once(name) => self.targets.get(name),
            _ => None,
        };
        let plain = fields.get(b"content-type") == Field::Once(MEDIA)
            && fields.get(SPECIAL) == Field::Absent;
        let signed = target
            .filter(|_| plain)
            .and_then(|&target| Some((target, signed(fields, body, &self.shared.trusts)?)));
        let head = Head {
            connection: number,
            turn: connection.turn,
            ..Head::default()
        };
        let agent = match fields.get(b"user-agent") {
            Field::Once(agent) => agent,
            Field::Absent => b"",
            Field::Several => {
                self.put_whole(head, connection, request);
                return None;
            }
        };
        let Some((target, signed)) = signed else {
            self.put_whole(head, connection, request);
            return None;
        };
        let head = Head {
            kind: TRUSTED,
            target,
            trust: signed.trust,
            sent: signed.sent,
            ..head
        };
        if connection.agent.as_deref() == Some(agent) {
            self.put(head, None, &[body]);
            return None;
        }
        self.put(head, Some(agent), &[body]);
        Some(agent.to_vec())
    }

    fn put_whole(&self, head: Head, connection: &Connection, request: &Request<'_>) {
        let length = u32::try_from(request.body.start).expect("heads are short");
        let head = Head {
            kind: WHOLE,
            target: length,
            ..head
        };
        self.put(head, None, &[&connection.read[..request.body.end]]);
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
        let answers = std::mem::take(
            &mut *self
                .shared
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for answer in answers {
            let waits = |connection: &&mut Connection| {
                connection.state == State::Waiting && connection.turn == answer.turn
            };
            let Some(connection) = self.connections.get_mut(&answer.connection).filter(waits)
            else {
                continue;
            };
            match &answer.bytes {
                Some(bytes) => {
                    let last = answer.last || connection.last;
                    let sent = connection.answer(bytes);
                    self.sent(answer.connection, &sent, last, now);
                }
                None => self.hand_on(answer.connection),
            }
        }
        if self.shared.closing.load(Ordering::Relaxed) {
            self.wind_up();
        }
    }

    fn sent(&mut self, number: u32, sent: &io::Result<bool>, last: bool, now: Instant) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        match sent {
            Ok(false) if last => connection.state = State::Ending,
            Ok(true) if last => self.end(number),
            Err(_) => self.end(number),
            Ok(_) => {
                connection.next(now);
                self.advance(number, now, false);
            }
        }
    }

    /// Hands a request on as it came, though its signature was confirmed.
    fn hand_on(&mut self, number: u32) {
        let Some(connection) = self.connections.get(&number) else {
            return;
        };
        if let Seen::Request(request) = look(&connection.read, self.limits.head, self.limits.body) {
            let head = Head {
                connection: number,
                turn: connection.turn,
                ..Head::default()
            };
            self.put_whole(head, connection, &request);
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

    /// Ends connections that have been idle for long, and gives those away that are too slow with a request.
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
            if connection.state != State::Reading {
                continue;
            }
            let time = now - connection.since;
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
