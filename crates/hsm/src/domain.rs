//! The domain: the key that all tokens of a device are sealed under, and how it is itself sealed under a root secret.
//!
//! A sealed domain is `version(1) | kind(1) | iterations(4) | salt(32) | iv(12) | sealed key | tag(16)`; everything in
//! front of the IV is associated data, and the salt makes the sealing key new each time.

use std::{fmt, num::NonZeroU32};

use aws_lc_rs::{hkdf, pbkdf2};

use crate::{
    cipher::{self, IV, TAG},
    entropy::Entropy,
    error::{Kind, Result},
    kdf::Kdf,
    key::{KEY, Key},
    pages::Memory,
    secret::Secret,
};

/// What a domain is sealed under. The caller says which it is, for no inspection can tell a good key from a passphrase.
#[derive(Clone, Copy)]
pub enum RootSecret<'a> {
    /// At least 32 bytes from a good source; stretched by HKDF.
    Key(&'a [u8]),
    /// Anything a person can remember; slowed down by PBKDF2.
    Passphrase(&'a [u8]),
}

const VERSION: u8 = 1;
const KIND_KEY: u8 = 0;
const KIND_PASSPHRASE: u8 = 1;
const SALT: usize = 32;
const FRONT: usize = 6 + SALT;
const SEALED: usize = FRONT + IV + KEY + TAG;

/// OWASP's figure for PBKDF2-HMAC-SHA-256, in the Password Storage Cheat Sheet since 2023.
const ITERATIONS: u32 = 600_000;
/// A sealed domain that asks for more is an attempt to keep us busy.
const MOST_ITERATIONS: u32 = 10_000_000;

const MAC_LABEL: &[u8] = b"strongroom/mac\0";

/// The domain's key, in protected memory.
#[derive(Debug)]
pub struct Domain {
    key: Key,
}

impl Domain {
    /// Makes a new domain, and its sealed form.
    pub fn create(root: RootSecret, entropy: &dyn Entropy) -> Result<(Self, Vec<u8>)> {
        let mut domain = Self { key: Key::blank()? };
        domain.key.install(|key| entropy.fill(key))?;

        let mut sealed = vec![0; SEALED];
        let (front, rest) = sealed.split_at_mut(FRONT);
        let (kind, iterations) = match root {
            RootSecret::Key(_) => (KIND_KEY, 0),
            RootSecret::Passphrase(_) => (KIND_PASSPHRASE, ITERATIONS),
        };
        front[..2].copy_from_slice(&[VERSION, kind]);
        front[2..6].copy_from_slice(&u32::to_be_bytes(iterations));
        entropy.fill(&mut front[6..])?;

        let mut sealer = Secret::zero();
        root.stretch(front[6..].as_ref(), iterations, &mut sealer)?;
        let (iv, rest) = rest
            .split_first_chunk_mut::<IV>()
            .expect("the IV follows the front");
        let (ciphertext, tag) = rest.split_last_chunk_mut::<TAG>().expect("the tag is last");
        entropy.fill(iv)?;
        cipher::seal_with(&sealer[..], iv, front, domain.key.secret(), ciphertext, tag)?;
        Ok((domain, sealed))
    }

    /// Opens a sealed domain again. The wrong secret and a changed byte look the same.
    pub fn open(root: RootSecret, sealed: &[u8]) -> Result<Self> {
        let sealed: &[u8; SEALED] = sealed.try_into().map_err(|_| Kind::InvalidToken)?;
        let (front, rest) = sealed.split_at(FRONT);
        let iterations = u32::from_be_bytes([front[2], front[3], front[4], front[5]]);
        let plausible = match root {
            RootSecret::Key(_) => front[1] == KIND_KEY && iterations == 0,
            RootSecret::Passphrase(_) => {
                front[1] == KIND_PASSPHRASE && (ITERATIONS..=MOST_ITERATIONS).contains(&iterations)
            }
        };
        if front[0] != VERSION || !plausible {
            return Err(Kind::InvalidToken.into());
        }
        let mut sealer = Secret::zero();
        root.stretch(&front[6..], iterations, &mut sealer)?;
        let (iv, rest) = rest
            .split_first_chunk::<IV>()
            .expect("the IV follows the front");
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().expect("the tag is last");
        let mut domain = Self { key: Key::blank()? };
        domain.key.install(|key| {
            let opened = cipher::open_with(&sealer[..], iv, front, ciphertext, tag, key);
            opened.map_err(|_| Kind::InvalidToken.into())
        })?;
        Ok(domain)
    }

    /// The key as tokens are sealed with it, copied to where it lives for one call.
    pub fn sealer(&self, kdf: &mut Kdf) {
        self.key.kdf(kdf);
    }

    /// A key of the domain for one purpose outside of the device.
    pub fn mac_key(&self, label: &str, out: &mut [u8; KEY]) {
        let mut kdf = Kdf::blank();
        self.key.kdf(&mut kdf);
        // The front sets it apart from every message key, whose label is another one.
        kdf.derive(
            &[MAC_LABEL, label.as_bytes(), &256u32.to_be_bytes()].concat(),
            out,
        );
    }

    pub fn memory(&self) -> Memory {
        self.key.memory()
    }
}

impl RootSecret<'_> {
    fn stretch(self, salt: &[u8], iterations: u32, out: &mut Secret<KEY>) -> Result<()> {
        match self {
            Self::Key(secret) if secret.len() < KEY => Err(Kind::InvalidLength.into()),
            Self::Passphrase([]) => Err(Kind::InvalidLength.into()),
            Self::Key(secret) => {
                let stretched = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
                let okm = stretched
                    .expand(&[b"strongroom/domain"], hkdf::HKDF_SHA256)
                    .and_then(|okm| okm.fill(&mut out[..]));
                okm.map_err(|_| Kind::Unavailable.into())
            }
            Self::Passphrase(secret) => {
                let iterations = NonZeroU32::new(iterations).ok_or(Kind::InvalidToken)?;
                pbkdf2::derive(
                    pbkdf2::PBKDF2_HMAC_SHA256,
                    iterations,
                    salt,
                    secret,
                    &mut out[..],
                );
                Ok(())
            }
        }
    }
}

impl fmt::Debug for RootSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
