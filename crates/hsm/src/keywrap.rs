//! AES key wrap: RFC 3394 (KW), and RFC 5649 (KWP) for secrets of any length.

use crate::{
    error::{Kind, Result},
    secret::SecretBuffer,
    sys,
};

/// Wraps `data`; KW takes multiples of eight bytes from sixteen on, KWP anything that is not empty.
pub fn wrap(key: &[u8], data: &[u8], padded: bool) -> Result<Vec<u8>> {
    let mut out = vec![0; data.len().next_multiple_of(8) + 8];
    let written = if padded {
        sys::wrap_padded(key, data, &mut out)
    } else {
        sys::wrap(key, data, &mut out)
    };
    out.truncate(written.ok_or(Kind::InvalidLength)?);
    Ok(out)
}

/// Unwraps what either of them made.
pub fn unwrap(key: &[u8], data: &[u8], padded: bool) -> Result<SecretBuffer> {
    let mut out = SecretBuffer::zero(data.len());
    let written = if padded {
        sys::unwrap_padded(key, data, &mut out)
    } else {
        sys::unwrap(key, data, &mut out)
    };
    out.truncate(written.ok_or(Kind::DecryptionFailed)?);
    Ok(out)
}
