//! NIST SP 800-108 key derivation in counter mode with HMAC-SHA-256: 32-bit counter in front of the fixed data.
//!
//! HMAC's two padded keys are compressed once, when a key enters its cell; from then on deriving a message's key costs two
//! compressions. AWS KMS derives the key of every ciphertext so (Cryptographic Details, "Using KMS keys").

use std::fmt;

use crate::{secret::Secret, sys};

const BLOCK: usize = 64;
const DIGEST: usize = 32;
/// FIPS 180-4, 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A derivation key as HMAC uses it: SHA-256's state after the inner, and after the outer padded key.
pub struct Kdf {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Kdf {
    /// The size of its stored form.
    pub const STORED: usize = 2 * DIGEST;

    /// To be filled in place: a secret that is returned may leave a copy behind.
    pub const fn blank() -> Self {
        Self {
            inner: INITIAL,
            outer: INITIAL,
        }
    }

    /// Takes any key up to a block long; the device's are all 32 bytes.
    pub fn rekey(&mut self, key: &[u8]) {
        assert!(
            key.len() <= BLOCK,
            "a longer HMAC key would have to be hashed first"
        );
        for (state, pad) in [(&mut self.inner, 0x36), (&mut self.outer, 0x5c)] {
            let mut block = Secret::<BLOCK>::zero();
            block.fill(pad);
            block
                .iter_mut()
                .zip(key)
                .for_each(|(byte, key)| *byte ^= key);
            *state = INITIAL;
            sys::sha256_blocks(state, &block[..]);
        }
    }

    /// Writes both states where `load` finds them again.
    pub fn store(&self, out: &mut [u8; Self::STORED]) {
        write(&self.inner, &mut out[..DIGEST]);
        write(&self.outer, &mut out[DIGEST..]);
    }

    /// Reads what `store` wrote.
    pub fn load(&mut self, stored: &[u8; Self::STORED]) {
        read(&stored[..DIGEST], &mut self.inner);
        read(&stored[DIGEST..], &mut self.outer);
    }

    /// Fills `out` with as many blocks of K(i) = HMAC(key, i ‖ fixed) as it takes.
    pub fn derive(&self, fixed: &[u8], out: &mut [u8]) {
        for (counter, block) in (1u32..).zip(out.chunks_mut(DIGEST)) {
            let mut mac = Secret::<DIGEST>::zero();
            self.mac(&counter.to_be_bytes(), fixed, &mut mac);
            block.copy_from_slice(&mac[..block.len()]);
        }
    }

    fn mac(&self, head: &[u8; 4], body: &[u8], out: &mut [u8; DIGEST]) {
        let mut state = self.inner;
        // One block of it at a time: what was hashed so far is in `state`, what is left over in `block`.
        let mut block = Secret::<BLOCK>::zero();
        let mut filled = head.len();
        block[..filled].copy_from_slice(head);
        let mut rest = body;
        while filled + rest.len() >= BLOCK {
            let (now, later) = rest.split_at(BLOCK - filled);
            block[filled..].copy_from_slice(now);
            sys::sha256_blocks(&mut state, &block[..]);
            (rest, filled) = (later, 0);
        }
        block[filled..filled + rest.len()].copy_from_slice(rest);
        finish(
            &mut state,
            &mut block,
            filled + rest.len(),
            BLOCK + head.len() + body.len(),
        );

        let mut outer = self.outer;
        write(&state, &mut block[..]);
        finish(&mut outer, &mut block, DIGEST, BLOCK + DIGEST);
        write(&outer, out);
        sys::wipe_words(&mut state);
        sys::wipe_words(&mut outer);
    }
}

/// Pads the last `filled` bytes of a message of `total` bytes, and compresses them.
fn finish(state: &mut [u32; 8], block: &mut [u8; BLOCK], filled: usize, total: usize) {
    block[filled] = 0x80;
    block[filled + 1..].fill(0);
    if filled >= BLOCK - 8 {
        sys::sha256_blocks(state, &block[..]);
        block.fill(0);
    }
    block[BLOCK - 8..].copy_from_slice(&(total as u64 * 8).to_be_bytes());
    sys::sha256_blocks(state, &block[..]);
}

fn write(state: &[u32; 8], out: &mut [u8]) {
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
}

fn read(bytes: &[u8], state: &mut [u32; 8]) {
    for (word, bytes) in state.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
}

impl Drop for Kdf {
    fn drop(&mut self) {
        sys::wipe_words(&mut self.inner);
        sys::wipe_words(&mut self.outer);
    }
}

impl fmt::Debug for Kdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
