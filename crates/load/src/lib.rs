//! A generator of load over HTTP/1.1: many connections, one thread, little time of its own.
//!
//! In a closed loop each connection asks again as soon as it was answered: that finds the capacity of a server, and tells
//! little about what its users wait. At a constant rate requests are due at moments that are fixed beforehand, and times are
//! taken from those moments, whether or not the server kept up: what a stalled server makes others wait is counted, and not
//! omitted because nobody asked meanwhile.
//!
//! Requests are made and signed (AWS Signature Version 4) before they are due, and signed again each minute. How busy
//! the generator was is part of the outcome: a figure that was limited by the one who measured says so.
//!
//! Deliberately absent: any word of what requests mean.

mod connection;
mod outcome;
mod plan;
mod prepared;
mod run;
mod sigv4;

pub use outcome::{Interval, Outcome, Tally};
pub use plan::{Credentials, Pace, Plan, Request, Target};
pub use run::run;
