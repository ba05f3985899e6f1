//! A request as it is sent: made and signed before it is due.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    plan::{Plan, Request},
    sigv4,
};

/// Seconds after which a signature is made anew; servers take them for five minutes or more.
const SIGNATURE_LIFE: u64 = 60;

/// A request as bytes, and when it was signed.
#[derive(Default)]
pub struct Prepared {
    pub bytes: Vec<u8>,
    signed: u64,
}

impl Prepared {
    /// Makes the bytes of `asked`, unless they are there with a signature that is good.
    pub fn freshen(&mut self, asked: &Request, plan: &Plan) {
        if !self.bytes.is_empty() && asked.signer.is_none() {
            return;
        }
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        if !self.bytes.is_empty() && seconds < self.signed + SIGNATURE_LIFE {
            return;
        }
        let host = &plan.target.host;
        let signed = asked.signer.map_or_else(Vec::new, |signer| {
            sigv4::sign(asked, host, &plan.signers[signer], seconds)
        });
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {host}\r\n",
            asked.method, asked.path
        );
        for (name, value) in asked.headers.iter().chain(&signed) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {}\r\n\r\n", asked.body.len());
        self.bytes = head.into_bytes();
        self.bytes.extend_from_slice(&asked.body);
        self.signed = seconds;
    }
}
