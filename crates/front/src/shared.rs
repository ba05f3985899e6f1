//! What the front's thread and whoever is behind have in common.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize},
};

use mio::Waker;

use crate::{mailbox::Mailbox, trust::Trusts};

pub struct Shared {
    pub mailbox: Mailbox,
    /// Rows of answers, as `answers` reads them.
    pub answers: Mutex<Vec<Vec<u8>>>,
    pub trusts: Trusts,
    pub closing: AtomicBool,
    pub aborting: AtomicBool,
    /// The thread is over, and all connections with it.
    pub ended: AtomicBool,
    /// Connections that were given away and live on.
    pub strays: AtomicUsize,
    pub waker: Waker,
}
