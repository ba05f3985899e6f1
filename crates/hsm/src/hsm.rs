//! The device: the one door. Every verb finds the slot, checks the usage, takes from the limiter, and acts.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    cipher::{self, FRESH},
    domain::{Domain, RootSecret},
    entropy::Entropy,
    error::{Kind, Result},
    frame::{Sealed, Target, frame},
    kdf::Kdf,
    key::{KEY, Key},
    keywrap,
    limiter::{Bucket, Clock, Limit, Limiter},
    lock,
    secret::{Secret, SecretBuffer},
    slots::{Slot, Slots, Stats},
    spec::{Spec, Usages},
    sys,
    token::Token,
};

/// How a device is made.
#[derive(Clone)]
pub struct Settings {
    /// How many keys are open at once.
    pub slots: u32,
    /// The limit of all verbs together.
    pub device: Limit,
    /// The limit a slot has from its load on.
    pub slot: Limit,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Settings {
    /// 65,536 slots (6 MiB of protected memory) and no limits.
    pub fn new(clock: impl Clock + 'static, entropy: impl Entropy + 'static) -> Self {
        let (clock, entropy) = (Arc::new(clock), Arc::new(entropy));
        Self {
            slots: 65_536,
            device: Limit::default(),
            slot: Limit::default(),
            clock,
            entropy,
        }
    }
}

/// A device. Share it between threads as it is; every verb takes `&self`.
pub struct Hsm {
    /// None once the device is closed.
    domain: Mutex<Option<Domain>>,
    sealed: Vec<u8>,
    slots: Slots,
    limiter: Limiter,
    slot_limit: Limit,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    closed: AtomicBool,
}

impl Hsm {
    /// A new device with a fresh domain, sealed under `root`.
    pub fn create(root: RootSecret, settings: Settings) -> Result<Self> {
        let (domain, sealed) = Domain::create(root, &*settings.entropy)?;
        Self::new(domain, sealed, settings)
    }

    /// The device of a domain that was sealed before.
    pub fn open(root: RootSecret, sealed: &[u8], settings: Settings) -> Result<Self> {
        Self::new(Domain::open(root, sealed)?, sealed.to_vec(), settings)
    }

    fn new(domain: Domain, sealed: Vec<u8>, settings: Settings) -> Result<Self> {
        let Settings {
            slots,
            device,
            slot,
            clock,
            entropy,
        } = settings;
        Ok(Self {
            slots: Slots::new(slots, domain.memory())?,
            domain: Mutex::new(Some(domain)),
            sealed,
            limiter: Limiter::new(device),
            slot_limit: slot,
            clock,
            entropy,
            closed: AtomicBool::new(false),
        })
    }

    /// The domain as it was sealed under the root secret; what `open` asks for.
    pub fn sealed_domain(&self) -> &[u8] {
        &self.sealed
    }

    /// Makes a key inside the device, and returns its token.
    pub fn generate(&self, spec: &str, usages: Usages) -> Result<Vec<u8>> {
        self.seal(spec, usages, |secret| self.entropy.fill(secret))
    }

    /// Makes a token of a key that came from outside, and wipes the caller's copy whatever happens.
    pub fn import(&self, spec: &str, usages: Usages, secret: &mut [u8]) -> Result<Vec<u8>> {
        let token = self.seal(spec, usages, |cell| {
            let secret: &[u8; KEY] = (&*secret).try_into().map_err(|_| Kind::InvalidLength)?;
            cell.copy_from_slice(secret);
            Ok(())
        });
        sys::wipe(secret);
        token
    }

    fn seal(
        &self,
        spec: &str,
        usages: Usages,
        fill: impl FnOnce(&mut [u8; KEY]) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let spec = Spec::named(spec)?;
        if !spec.permits(usages) {
            return Err(Kind::UsageNotPermitted.into());
        }
        self.domain(|domain| domain.seal(spec, usages, &*self.entropy, fill))
    }

    /// What a genuine token carries.
    pub fn describe(&self, token: &[u8]) -> Result<(&'static Spec, Usages)> {
        let token = Token::parse(token)?;
        self.domain(|domain| domain.unseal(&token, |_| Ok((token.spec, token.usages))))
    }

    /// Opens a token into a slot. The same token may be open in several.
    pub fn load(&self, token: &[u8]) -> Result<Slot> {
        let token = Token::parse(token)?;
        self.domain(|domain| {
            domain.unseal(&token, |key| {
                self.slots.load(key, token.usages, self.slot_limit)
            })
        })
    }

    /// Wipes a slot.
    pub fn unload(&self, slot: Slot) -> Result<()> {
        self.slots.unload(slot)
    }

    /// Gives a slot another limit, with a full bucket.
    pub fn limit(&self, slot: Slot, limit: Limit) -> Result<()> {
        self.slots.with(slot, |occupant| {
            occupant.bucket = Bucket::new(limit);
            Ok(())
        })
    }

    /// How full the device is.
    pub fn stats(&self) -> Stats {
        self.slots.stats()
    }

    /// Wipes everything. Afterwards every verb is refused.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.slots.close();
        *lock(&self.domain) = None;
    }

    /// Derives a key from the domain for a purpose outside of the device, such as authenticating what is stored.
    pub fn mac_key(&self, label: &str) -> Result<Secret<KEY>> {
        self.domain(|domain| {
            let mut key = Secret::<KEY>::zero();
            domain.mac_key(label, &mut key);
            Ok(key)
        })
    }

    /// Seals `plaintext` into `out`: the first `prefix` bytes of `aad` in the clear, then the body. Returns its length.
    pub fn encrypt(
        &self,
        slot: Slot,
        plaintext: &[u8],
        aad: &[u8],
        prefix: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        let (head, frame) = frame(aad, prefix, plaintext.len(), out)?;
        let mut kdf = Kdf::blank();
        self.admit(slot, Usages::ENCRYPT, 1, &mut kdf)?;
        self.seal_frame(&kdf, head, aad, plaintext, frame)
    }

    /// Opens a body into `out`. Returns the plaintext's length.
    pub fn decrypt(&self, slot: Slot, body: &[u8], aad: &[u8], out: &mut [u8]) -> Result<usize> {
        let length = cipher::plaintext_length(body.len())?;
        let out = out.get_mut(..length).ok_or(Kind::BufferTooSmall)?;
        let mut kdf = Kdf::blank();
        self.admit(slot, Usages::DECRYPT, 1, &mut kdf)?;
        cipher::open(&kdf, aad, body, out)?;
        Ok(length)
    }

    /// Makes a data key: into `plain`, whose length is the key's, and sealed into `out` like `encrypt`.
    pub fn data_key(
        &self,
        slot: Slot,
        plain: &mut [u8],
        aad: &[u8],
        prefix: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        let (head, frame) = frame(aad, prefix, plain.len(), out)?;
        let mut kdf = Kdf::blank();
        self.admit(slot, Usages::ENCRYPT, 1, &mut kdf)?;
        self.entropy.fill(plain)?;
        self.seal_frame(&kdf, head, aad, plain, frame)
    }

    /// Makes a data key that nobody sees: it exists only in `out`, sealed.
    pub fn data_key_sealed(
        &self,
        slot: Slot,
        length: usize,
        aad: &[u8],
        prefix: usize,
        out: &mut [u8],
    ) -> Result<usize> {
        let mut plain = Secret::<MOST_DATA_KEY>::zero();
        let plain = plain.get_mut(..length).ok_or(Kind::InvalidLength)?;
        self.data_key(slot, plain, aad, prefix, out)
    }

    /// Opens a body under one slot and seals it under another. The plaintext stays inside.
    pub fn reencrypt(&self, from: Sealed, to: Target, out: &mut [u8]) -> Result<usize> {
        let length = cipher::plaintext_length(from.body.len())?;
        let (head, frame) = frame(to.aad, to.prefix, length, out)?;
        let (mut opener, mut sealer) = (Kdf::blank(), Kdf::blank());
        self.admit(from.slot, Usages::DECRYPT, 1, &mut opener)?;
        if let Err(refusal) = self.admit(to.slot, Usages::ENCRYPT, 1, &mut sealer) {
            self.give_back(from.slot, 1);
            return Err(refusal);
        }
        let mut plaintext = SecretBuffer::zero(length);
        cipher::open(&opener, from.aad, from.body, &mut plaintext)?;
        self.seal_frame(&sealer, head, to.aad, &plaintext, frame)
    }

    /// Wraps another key under the slot's: RFC 3394, or RFC 5649 when `padded`.
    pub fn wrap(&self, slot: Slot, data: &[u8], padded: bool) -> Result<Vec<u8>> {
        let mut key = Secret::<KEY>::zero();
        self.admit_with(slot, Usages::WRAP, 1, |held| {
            key.copy_from_slice(held.secret());
        })?;
        keywrap::wrap(&key[..], data, padded)
    }

    /// Unwraps what `wrap` made.
    pub fn unwrap(&self, slot: Slot, data: &[u8], padded: bool) -> Result<SecretBuffer> {
        let mut key = Secret::<KEY>::zero();
        self.admit_with(slot, Usages::UNWRAP, 1, |held| {
            key.copy_from_slice(held.secret());
        })?;
        keywrap::unwrap(&key[..], data, padded)
    }

    /// Fills `out` from the device's generator.
    pub fn random(&self, out: &mut [u8]) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Kind::DeviceClosed.into());
        }
        self.limiter.take(&mut Bucket::default(), 1, &*self.clock)?;
        self.entropy.fill(out)
    }

    /// Slot, usage, limiter: what stands before every act. Copies the key's derivation states to where they live for one
    /// call, so that the slot is held for nanoseconds.
    pub(crate) fn admit(&self, slot: Slot, usage: Usages, count: u32, kdf: &mut Kdf) -> Result<()> {
        self.admit_with(slot, usage, count, |key| key.kdf(kdf))
    }

    fn admit_with(
        &self,
        slot: Slot,
        usage: Usages,
        count: u32,
        copy: impl FnOnce(&Key),
    ) -> Result<()> {
        self.slots.with(slot, |occupant| {
            occupant.permit(usage)?;
            self.limiter
                .take(&mut occupant.bucket, count, &*self.clock)?;
            copy(&occupant.key);
            Ok(())
        })
    }

    fn give_back(&self, slot: Slot, count: u32) {
        // A key that is gone takes its tokens along.
        let _ = self.slots.with(slot, |occupant| {
            self.limiter.give_back(&mut occupant.bucket, count);
            Ok(())
        });
    }

    pub(crate) fn seal_frame(
        &self,
        kdf: &Kdf,
        head: &mut [u8],
        aad: &[u8],
        plaintext: &[u8],
        body: &mut [u8],
    ) -> Result<usize> {
        let mut fresh = [0; FRESH];
        self.entropy.fill(&mut fresh)?;
        head.copy_from_slice(&aad[..head.len()]);
        cipher::seal(kdf, &fresh, aad, plaintext, body)?;
        Ok(head.len() + body.len())
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    fn domain<R>(&self, act: impl FnOnce(&mut Domain) -> Result<R>) -> Result<R> {
        act(lock(&self.domain).as_mut().ok_or(Kind::DeviceClosed)?)
    }
}

/// The longest data key that never leaves.
const MOST_DATA_KEY: usize = 1024;

impl fmt::Debug for Hsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hsm")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
