//! What every test of the device needs: one that repeats, and a clock that moves when it is told to.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub mod keys;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hsm::{Clock, Hsm, RootSecret, SeededEntropy, Settings, Slot, Usages};

pub const ROOT: RootSecret = RootSecret::Key(&[7; 32]);
pub const SPEC: &str = "AES_256";

#[derive(Clone, Default)]
pub struct Scripted(Arc<AtomicU64>);

impl Scripted {
    pub fn pass(&self, nanoseconds: u64) {
        self.0.fetch_add(nanoseconds, Ordering::SeqCst);
    }
}

impl Clock for Scripted {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub fn settings(seed: u64) -> Settings {
    Settings::new(Scripted::default(), SeededEntropy::new(seed))
}

pub fn device(seed: u64) -> Hsm {
    Hsm::create(ROOT, settings(seed)).unwrap()
}

pub fn all() -> Usages {
    Usages::ENCRYPT | Usages::DECRYPT | Usages::WRAP | Usages::UNWRAP
}

pub fn slot(hsm: &Hsm) -> Slot {
    hsm.load(&hsm.generate(SPEC, all()).unwrap()).unwrap()
}

pub fn encrypt(hsm: &Hsm, slot: Slot, plaintext: &[u8], aad: &[u8]) -> hsm::Result<Vec<u8>> {
    let mut out = vec![0; plaintext.len() + 44];
    let length = hsm.encrypt(slot, plaintext, aad, 0, &mut out)?;
    out.truncate(length);
    Ok(out)
}

pub fn decrypt(hsm: &Hsm, slot: Slot, body: &[u8], aad: &[u8]) -> hsm::Result<Vec<u8>> {
    let mut out = vec![0; body.len()];
    let length = hsm.decrypt(slot, body, aad, &mut out)?;
    out.truncate(length);
    Ok(out)
}

/// Every one-bit change of `bytes`.
pub fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}

/// Everything it is a longer version of, and a few longer versions of it.
pub fn resized(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let shorter = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    let longer = [1, 8, 16, 32].map(|more| [bytes, &vec![0; more][..]].concat());
    shorter.chain(longer)
}
