//! The front as JavaScript sees it: records in, answers out, each in one crossing for all that wait.

use std::{net::TcpListener, time::Duration};

use ::front::Limits;
use napi::{
    Error, Status,
    bindgen_prelude::{BufferSlice, Uint8Array},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;

/// What a front takes, and how many milliseconds it waits.
#[napi(object, object_to_js = false)]
pub struct FrontLimits {
    pub connections: u32,
    /// Bytes of a head, and of a body.
    pub head: u32,
    pub body: u32,
    /// For a head, and for a whole request.
    pub head_millis: u32,
    pub request_millis: u32,
    /// For the next request.
    pub idle_millis: u32,
}

/// It keeps the process alive, as servers do, until the front has closed.
type Tell = ThreadsafeFunction<(), (), (), Status, false>;

/// Keeps connections, and lets requests through at once whose signatures it can confirm. What records look like, and answers,
/// is told in `crates/front/src/mailbox.rs`.
#[napi]
pub struct Front(::front::Front);

#[napi]
impl Front {
    /// Listens, and calls `tell` when there are records where there were none. Throws with the system's `code`.
    #[napi(
        factory,
        ts_args_type = "host: string, port: number, targets: Array<string>, limits: FrontLimits, tell: () => void"
    )]
    pub fn listen(
        host: String,
        port: u16,
        targets: Vec<String>,
        limits: FrontLimits,
        tell: Tell,
    ) -> napi::Result<Self, String> {
        let listener = TcpListener::bind((host.as_str(), port)).map_err(thrown)?;
        let limits = Limits {
            connections: limits.connections as usize,
            head: limits.head as usize,
            body: limits.body as usize,
            heads: Duration::from_millis(limits.head_millis.into()),
            requests: Duration::from_millis(limits.request_millis.into()),
            idle: Duration::from_millis(limits.idle_millis.into()),
        };
        let tell = move || {
            tell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let front = ::front::Front::start(listener, targets, limits, tell).map_err(thrown)?;
        Ok(Self(front))
    }

    /// The port it listens on.
    #[napi(getter)]
    pub fn port(&self) -> u16 {
        self.0.address().port()
    }

    /// Copies records to `out`; how many bytes. Until there are none, `tell` is not called again.
    #[napi]
    pub fn take(&self, mut out: BufferSlice) -> u32 {
        u32::try_from(self.0.take(&mut out)).unwrap_or(0)
    }

    /// Sends the answers in the first `length` bytes, one behind the other.
    #[napi]
    pub fn answer(&self, answers: BufferSlice, length: u32) -> napi::Result<()> {
        let row = answers.get(..length as usize);
        let row =
            row.ok_or_else(|| Error::new(Status::InvalidArg, "there are not that many bytes"))?;
        self.0.answer(row);
        Ok(())
    }

    /// Believes signatures by `key` (of one day, Region and service) for `credential` from now on, when they come with this
    /// session token, or with none; what records call whoever signs so.
    #[napi]
    pub fn trust(&self, credential: String, token: Option<String>, key: Uint8Array) -> u32 {
        self.0.trust(
            credential.as_bytes(),
            token.as_deref().map(str::as_bytes),
            &key,
        )
    }

    /// A connection that was given away is no more.
    #[napi]
    pub fn stray_ended(&self) {
        self.0.stray_ended();
    }

    /// Takes no more connections, ends idle ones, and each other once it was answered.
    #[napi]
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether all connections have ended after `close`; `tell` is called once more when that is so.
    #[napi(getter)]
    pub fn ended(&self) -> bool {
        self.0.ended()
    }

    /// Ends all connections, answered or not.
    #[napi]
    pub fn abort(&self) {
        self.0.abort();
    }
}

fn thrown(error: std::io::Error) -> Error<String> {
    let code = match error.kind() {
        std::io::ErrorKind::AddrInUse => "EADDRINUSE",
        std::io::ErrorKind::PermissionDenied => "EACCES",
        std::io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        _ => "EIO",
    };
    Error::new(code.to_owned(), error.to_string())
}
