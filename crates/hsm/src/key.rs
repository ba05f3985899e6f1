//! A symmetric key in its cell of protected memory: the secret itself, and what HMAC precomputes of it. Other keys are made
//! ready for use when they are loaded, and live in the heap of `sys`.

use crate::{
    error::Result,
    kdf::Kdf,
    pages::{Cell, Memory},
    sys,
};

/// The length of every symmetric key of the device.
pub const KEY: usize = 32;
const CELL: usize = KEY + Kdf::STORED;

/// 96 bytes: 65,536 of them fit below the usual limit of locked memory, 8 MiB.
#[derive(Debug)]
pub struct Key(Cell<CELL>);

impl Key {
    /// Room for one key, all zero.
    pub fn blank() -> Result<Self> {
        Cell::one().map(Self)
    }

    /// Room for `count` keys in one mapping.
    pub fn many(count: usize) -> Result<Vec<Self>> {
        Ok(Cell::many(count)?.into_iter().map(Self).collect())
    }

    /// Has `fill` write the secret straight into the cell. When it fails, the cell is blank.
    pub fn install(&mut self, fill: impl FnOnce(&mut [u8; KEY]) -> Result<()>) -> Result<()> {
        let (secret, stored) = self.parts();
        if let Err(error) = fill(secret) {
            self.wipe();
            return Err(error);
        }
        let mut kdf = Kdf::blank();
        kdf.rekey(secret);
        kdf.store(stored);
        Ok(())
    }

    /// The bytes themselves, for key wrapping and for sealing.
    pub fn secret(&self) -> &[u8; KEY] {
        self.0
            .first_chunk()
            .expect("the cell begins with the secret")
    }

    /// The key as the derivation uses it, copied to where it lives for one call.
    pub fn kdf(&self, kdf: &mut Kdf) {
        kdf.load(
            self.0
                .last_chunk()
                .expect("the cell ends in the stored states"),
        );
    }

    pub fn wipe(&mut self) {
        sys::wipe(&mut self.0[..]);
    }

    pub fn memory(&self) -> Memory {
        self.0.memory()
    }

    fn parts(&mut self) -> (&mut [u8; KEY], &mut [u8; Kdf::STORED]) {
        let (secret, stored) = self
            .0
            .split_first_chunk_mut()
            .expect("the cell begins with the secret");
        (
            secret,
            stored
                .as_mut_array()
                .expect("the rest of the cell is the stored states"),
        )
    }
}
