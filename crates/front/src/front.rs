//! The handle that whoever is behind holds.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mio::{Poll, Waker};

use crate::{
    mailbox::Mailbox,
    server::{Server, WAKER},
    shared::Shared,
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

/// A front at work.
pub struct Front {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    address: SocketAddr,
}

impl Front {
    /// Serves what `listener` accepts. `targets` are the values of `X-Amz-Target` that are ours, and `tell` is called, on the
    /// front's thread, when there are records where there were none, and at the end.
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
        let shared = Arc::new(Shared {
            mailbox: Mailbox::default(),
            answers: Mutex::default(),
            trusts: Trusts::default(),
            closing: AtomicBool::new(false),
            aborting: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            strays: AtomicUsize::new(0),
            waker,
        });
        let mut server = Server::new(
            poll,
            listener,
            targets,
            limits,
            Box::new(tell),
            Arc::clone(&shared),
        )?;
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

    /// Sends a row of answers, as `mailbox.rs` describes it.
    pub fn answer(&self, row: &[u8]) {
        let row = row.to_vec();
        self.shared
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(row);
        self.wake();
    }

    fn wake(&self) {
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
        self.wake();
    }

    /// Ends all connections, answered or not.
    pub fn abort(&self) {
        self.shared.aborting.store(true, Ordering::Relaxed);
        self.close();
    }

    /// Whether all connections have ended after `close`; `tell` is called once more when that is so.
    pub fn ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
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
