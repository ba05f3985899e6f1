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
    states: [State; 2],
}

type State = [u32; 8];

impl Kdf {
    /// The size of its stored form.
    pub const STORED: usize = 2 * DIGEST;

    /// To be filled in place: a secret that is returned may leave a copy behind.
    pub const fn blank() -> Self {
        Self {
            states: [INITIAL; 2],
        }
    }

    /// Takes any key up to a block long; the device's are all 32 bytes.
    pub fn rekey(&mut self, key: &[u8]) {
        assert!(
            key.len() <= BLOCK,
            "a longer HMAC key would have to be hashed first"
        );
        for (state, pad) in self.states.iter_mut().zip([0x36, 0x5c]) {
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
        for (out, word) in out
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(self.states.as_flattened())
        {
            *out = word.to_ne_bytes();
        }
    }

    /// Reads what `store` wrote.
    pub fn load(&mut self, stored: &[u8; Self::STORED]) {
        for (word, bytes) in self
            .states
            .as_flattened_mut()
            .iter_mut()
            .zip(stored.as_chunks().0)
        {
            *word = u32::from_ne_bytes(*bytes);
        }
    }

    /// Fills `out` with as many blocks of K(i) = HMAC(key, i ‖ fixed) as it takes.
    pub fn derive(&self, fixed: &[u8], out: &mut [u8]) {
        let mut work = Work {
            state: INITIAL,
            block: [0; BLOCK],
        };
        for (counter, out) in (1u32..).zip(out.chunks_mut(DIGEST)) {
            work.state = self.states[0];
            work.hash(counter.to_be_bytes(), fixed);
            work.outer(self);
            out.copy_from_slice(&work.block[..out.len()]);
        }
    }
}

/// What goes into SHA-256 when `counter ‖ fixed data` fits one block, padded: all but the context is known beforehand.
///
/// Written so that each of the four lanes the processor loads was stored as a whole; pieced together from smaller stores, a
/// block costs as much waiting as hashing it does.
pub struct OneBlock([u8; BLOCK]);

impl OneBlock {
    const LABEL: usize = 12;
    const CONTEXT: usize = 16;
    const FIXED: usize = Self::LABEL + Self::CONTEXT + 4;

    /// For Label ‖ 0x00 (in one), a context of 16 bytes, and one digest of output.
    pub const fn labelled(label: &[u8; Self::LABEL]) -> Self {
        let mut block = [0; BLOCK];
        block[3] = 1;
        block
            .split_at_mut(4)
            .1
            .split_at_mut(Self::LABEL)
            .0
            .copy_from_slice(label);
        // [L] in bits, 256, then the padding: a one, zeros, and how many bits there were.
        block[4 + Self::LABEL + Self::CONTEXT + 2] = 1;
        block[4 + Self::FIXED] = 0x80;
        let bits = ((BLOCK + 4 + Self::FIXED) as u64 * 8).to_be_bytes();
        block
            .split_at_mut(BLOCK - bits.len())
            .1
            .copy_from_slice(&bits);
        Self(block)
    }

    /// The same key that `Kdf::derive` gives for this label and context.
    pub fn derive(&self, kdf: &Kdf, context: &[u8; Self::CONTEXT], out: &mut [u8; DIGEST]) {
        let mut work = Work {
            state: kdf.states[0],
            block: self.0,
        };
        work.block[4 + Self::LABEL..][..Self::CONTEXT].copy_from_slice(context);
        sys::sha256_blocks(&mut work.state, &work.block);
        work.outer(kdf);
        out.copy_from_slice(&work.block[..DIGEST]);
    }
}

impl Drop for Kdf {
    fn drop(&mut self) {
        sys::wipe(self.states.as_flattened_mut());
    }
}

/// One hash under way, and all that it leaves behind.
struct Work {
    state: State,
    block: [u8; BLOCK],
}

impl Work {
    /// Hashes head and body behind the block that the state has seen already.
    fn hash(&mut self, head: [u8; 4], body: &[u8]) {
        self.block[..head.len()].copy_from_slice(&head);
        let (mut filled, mut rest) = (head.len(), body);
        while filled + rest.len() >= BLOCK {
            let (now, later) = rest.split_at(BLOCK - filled);
            self.block[filled..].copy_from_slice(now);
            sys::sha256_blocks(&mut self.state, &self.block);
            (filled, rest) = (0, later);
        }
        self.block[filled..filled + rest.len()].copy_from_slice(rest);
        self.finish(filled + rest.len(), BLOCK + head.len() + body.len());
    }

    /// Pads the last `filled` bytes of a message of `total` bytes.
    fn finish(&mut self, filled: usize, total: usize) {
        self.block[filled] = 0x80;
        self.block[filled + 1..].fill(0);
        if filled >= BLOCK - 8 {
            sys::sha256_blocks(&mut self.state, &self.block);
            self.block.fill(0);
        }
        self.block[BLOCK - 8..].copy_from_slice(&(total as u64 * 8).to_be_bytes());
        sys::sha256_blocks(&mut self.state, &self.block);
    }

    /// HMAC's second hash, of the first one's digest.
    fn outer(&mut self, kdf: &Kdf) {
        self.digest();
        self.state = kdf.states[1];
        self.finish(DIGEST, BLOCK + DIGEST);
        self.digest();
    }

    /// Writes the digest to the block's beginning.
    fn digest(&mut self) {
        for (out, word) in self.block.as_chunks_mut().0.iter_mut().zip(self.state) {
            *out = word.to_be_bytes();
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        sys::wipe(&mut self.state);
        sys::wipe(&mut self.block);
    }
}

impl fmt::Debug for Kdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
