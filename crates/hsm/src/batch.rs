//! Many messages in one call: one look at the slot, one draw from the limiter, one associated data for all.

use crate::{
    cipher::{self, OVERHEAD},
    error::{Kind, Result},
    frame::frame,
    hsm::Hsm,
    kdf::Kdf,
    slots::Slot,
    spec::Usages,
    sys,
};

impl Hsm {
    /// Seals plaintexts that stand back to back; the frames do, too. Draws as many tokens as there are plaintexts.
    pub fn encrypt_many(
        &self,
        slot: Slot,
        packed: &[u8],
        lengths: &[u32],
        aad: &[u8],
        prefix: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        if prefix > aad.len() {
            return Err(Kind::InvalidLength.into());
        }
        let total = check(packed, lengths)? + lengths.len() * (prefix + OVERHEAD);
        let out = out.get_mut(..total).ok_or(Kind::BufferTooSmall)?;
        let mut kdf = Kdf::blank();
        self.admit_kdf(slot, Usages::ENCRYPT, count(lengths)?, &mut kdf)?;
        let (mut packed, mut out) = (packed, out);
        for length in lengths {
            let (plaintext, later) = packed.split_at(*length as usize);
            let (now, rest) = out.split_at_mut(prefix + plaintext.len() + OVERHEAD);
            let (head, body) = frame(aad, prefix, plaintext.len(), now)?;
            self.seal_frame(&kdf, head, aad, plaintext, body)?;
            (packed, out) = (later, rest);
        }
        Ok(total)
    }

    /// Opens frames that stand back to back, each with its body from `body_at` on; all of them or none.
    pub fn decrypt_many(
        &self,
        slot: Slot,
        packed: &[u8],
        lengths: &[u32],
        body_at: usize,
        aad: &[u8],
        out: &mut [u8],
    ) -> Result<usize> {
        let framing = body_at.checked_add(OVERHEAD).ok_or(Kind::InvalidLength)?;
        if lengths.iter().any(|length| (*length as usize) < framing) {
            return Err(Kind::DecryptionFailed.into());
        }
        let total = check(packed, lengths)? - lengths.len() * framing;
        let out = out.get_mut(..total).ok_or(Kind::BufferTooSmall)?;
        let mut kdf = Kdf::blank();
        self.admit_kdf(slot, Usages::DECRYPT, count(lengths)?, &mut kdf)?;
        let (mut packed, mut done) = (packed, 0);
        for length in lengths {
            let (frame, later) = packed.split_at(*length as usize);
            let plaintext = done..done + frame.len() - framing;
            if let Err(failure) =
                cipher::open(&kdf, aad, &frame[body_at..], &mut out[plaintext.clone()])
            {
                sys::wipe(out);
                return Err(failure);
            }
            (packed, done) = (later, plaintext.end);
        }
        Ok(total)
    }
}

/// The sum of the lengths, which must be what is there.
fn check(packed: &[u8], lengths: &[u32]) -> Result<usize> {
    let total = lengths.iter().map(|length| *length as usize).sum();
    if packed.len() == total {
        Ok(total)
    } else {
        Err(Kind::InvalidLength.into())
    }
}

fn count(lengths: &[u32]) -> Result<u32> {
    u32::try_from(lengths.len()).map_err(|_| Kind::InvalidLength.into())
}
