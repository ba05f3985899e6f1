//! The front of a server of signed requests: keeps connections, and lets those requests through at once that are plainly in
//! order, in batches; everything else it hands on as it came.
//!
//! What is in order: a `POST /` over HTTP/1.1 with a target that was named beforehand, and a signature (AWS Signature
//! Version 4) under a key that whoever is behind trusts, because it verified a request of the same credential itself. The
//! front never refuses a signature: what it cannot confirm goes on as a *whole* request, for whoever is behind to verify and
//! refuse in its own words. A connection on which something else is asked (another method, a body without an end, what is no
//! HTTP) *strays*: it is given away with all that was read of it.
//!
//! Deliberately absent: who callers are, what targets mean, what time it is. A record tells when its sender says it was sent.

mod connection;
mod front;
mod handing;
mod mailbox;
mod request;
mod server;
mod shared;
mod signature;
mod trust;

pub use front::{Front, Limits};
pub use mailbox::{AGAIN, CLOSED, OPENED, STRAY, TRUSTED, UNCHANGED, WHOLE};
