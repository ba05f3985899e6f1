//! Credentials that were verified behind the front, and what signs for them.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use aws_lc_rs::{constant_time, hmac};

/// Credentials at a time; then those known longest are forgotten, and verified again by whoever is behind.
const MOST: usize = 4096;

struct Trust {
    id: u32,
    key: hmac::Key,
    token: Option<Vec<u8>>,
}

/// By the credential as `Authorization` has it: access key, date, Region, service, terminator.
#[derive(Default)]
pub struct Trusts(RwLock<Known>);

#[derive(Default)]
struct Known {
    by_credential: HashMap<Vec<u8>, Trust>,
    last: u32,
}

impl Trusts {
    /// Believes signatures by `key` from now on, when they come with this session token, or with none; what records call it.
    pub fn add(&self, credential: &[u8], token: Option<&[u8]>, key: &[u8]) -> u32 {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.by_credential.len() >= MOST {
            known.by_credential.clear();
        }
        known.last += 1;
        let trust = Trust {
            id: known.last,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            token: token.map(<[u8]>::to_vec),
        };
        let id = trust.id;
        known.by_credential.insert(credential.to_vec(), trust);
        id
    }

    /// Who signed `text`, if it is somebody we believe.
    pub fn signer(
        &self,
        credential: &[u8],
        token: Option<&[u8]>,
        text: &[u8],
        signature: &[u8],
    ) -> Option<u32> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let trust = known.by_credential.get(credential)?;
        let same = match (&trust.token, token) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => {
                constant_time::verify_slices_are_equal(ours, theirs).is_ok()
            }
            _ => false,
        };
        (same && hmac::verify(&trust.key, text, signature).is_ok()).then_some(trust.id)
    }
}
