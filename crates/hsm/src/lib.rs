//! A hardware security module in software: keys are made inside it, leave only sealed, and work in numbered slots.
//!
//! [`Hsm`] is the one door. Behind it, each organ has a module of its own:
//!
//! | module | holds |
//! |---|---|
//! | `slots`, `order` | opened keys, bounded, the least recently used evicted |
//! | `limiter` | the throughput of a real device |
//! | `domain`, `token`, `spec` | the key that seals the others, what it seals, and what kinds there are |
//! | `family`, `scheme` | what a kind of key has to answer, and how signers and encrypters differ |
//! | `symmetric`, `mac`, `rsa`, `ecc`, `edwards`, `mldsa`, `mlkem`, `sm2` | the families |
//! | `frame`, `batch` | where messages go, and many of them at once |
//! | `cipher`, `kdf`, `keywrap`, `hash`, `pkcs8` | the primitives |
//! | `key`, `pages`, `secret` | where secrets may be: protected pages, or the stack for one call |
//! | `import`, `ahead` | keys from outside, and keys made before they are asked for |
//! | `recipient` | answers for somebody else than the caller |
//! | `entropy` | randomness as a seam |
//! | `sys` | the calls into AWS-LC, and the heap it keeps private keys in |
//!
//! The crate reads no clock, file or environment, and knows nothing of who asks. Time and entropy are given to it.
//!
//! ```
//! use hsm::{Hsm, RootSecret, Settings, SystemEntropy, Usages};
//! # struct Still;
//! # impl hsm::Clock for Still { fn now(&self) -> u64 { 0 } }
//!
//! let settings = Settings::new(Still, SystemEntropy);
//! let hsm = Hsm::create(RootSecret::Key(&[7; 32]), settings)?;
//! let token = hsm.generate("AES_256", Usages::ENCRYPT | Usages::DECRYPT)?;
//! let slot = hsm.load(&token)?;
//!
//! let mut sealed = [0; 64];
//! let length = hsm.encrypt(slot, b"attack at dawn", b"to: bob", 0, &mut sealed)?;
//! let mut opened = [0; 64];
//! let length = hsm.decrypt(slot, &sealed[..length], b"to: bob", &mut opened)?;
//! assert_eq!(&opened[..length], b"attack at dawn");
//! # Ok::<(), hsm::Error>(())
//! ```

#[macro_use]
mod pkcs8;

mod ahead;
mod batch;
mod cipher;
mod domain;
mod ecc;
mod edwards;
mod entropy;
mod error;
mod family;
mod frame;
mod hash;
mod hsm;
mod import;
mod kdf;
mod key;
mod keywrap;
mod limiter;
mod mac;
mod mldsa;
mod mlkem;
mod order;
mod pages;
mod recipient;
mod rsa;
mod scheme;
mod secret;
mod slots;
mod sm2;
mod spec;
mod symmetric;
mod sys;
mod token;
#[cfg(test)]
mod vectors;

pub use crate::{
    domain::RootSecret,
    entropy::{Entropy, SeededEntropy, SystemEntropy},
    error::{Error, Kind, Result},
    frame::{Sealed, Target},
    hash::Hash,
    hsm::{DataKeyPair, Hsm, Made, Settings},
    import::{Imported, Parcel, Terms, WrappingKey},
    limiter::{Clock, Limit},
    pages::Memory,
    recipient::{Attestation, Platform, Trust},
    scheme::{Form, Message, Sealing, Signing},
    secret::{Secret, SecretBuffer},
    slots::{Slot, Stats},
    spec::{Spec, Usages},
    token::Token,
};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Does `act` with all that AWS-LC allocates meanwhile in the protected pages that private keys are in: for a cipher beside the
/// device, whose key must not lie about either. Where they are full, it goes into ordinary memory, and [`Stats`] tell so.
pub fn protected<R>(act: impl FnOnce() -> R) -> R {
    sys::heap::within(sys::heap::Heap::LastResort, act)
}

/// Nothing in here panics while it holds a lock; if that is ever wrong, the state behind it is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
