//! The device: the one door. Every verb finds the slot, checks the usage, takes from the limiter, and acts.

mod keys;
mod messages;
mod pairs;

pub use self::{keys::Made, pairs::DataKeyPair};

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    ahead::Ahead,
    domain::{Domain, RootSecret},
    entropy::Entropy,
    error::{Kind, Result},
    kdf::Kdf,
    key::KEY,
    limiter::{Bucket, Clock, Limit, Limiter},
    lock,
    secret::Secret,
    slots::{Occupant, Slot, Slots, Stats},
    spec::{Spec, Usages},
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
    ahead: Vec<(&'static Spec, usize)>,
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
            ahead: Vec::new(),
        }
    }

    /// Keeps `count` keys of a kind ready, made by a thread of the device's own.
    pub fn make_ahead(&mut self, spec: &str, count: usize) -> Result<()> {
        self.ahead.push((Spec::named(spec)?, count));
        Ok(())
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
    ahead: Ahead,
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
            ahead,
        } = settings;
        Ok(Self {
            ahead: Ahead::new(&ahead, Arc::clone(&entropy))?,
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
        self.ahead.close();
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

    /// Fills `out` from the device's generator.
    pub fn random(&self, out: &mut [u8]) -> Result<()> {
        self.live()?;
        self.limiter.take(&mut Bucket::default(), 1, &*self.clock)?;
        self.entropy.fill(out)
    }

    /// Slot, usage, limiter: what stands before every act. Lends what the slot holds to `take`, which copies what the act
    /// needs, so that the slot is held for nanoseconds.
    fn admit<R>(
        &self,
        slot: Slot,
        usage: Usages,
        count: u32,
        take: impl FnOnce(&Occupant) -> Result<R>,
    ) -> Result<R> {
        self.slots.with(slot, |occupant| {
            occupant.permit(usage)?;
            self.limiter
                .take(&mut occupant.bucket, count, &*self.clock)?;
            take(occupant)
        })
    }

    /// For keys that seal messages: their derivation states, to where they live for one call.
    pub(crate) fn admit_kdf(
        &self,
        slot: Slot,
        usage: Usages,
        count: u32,
        kdf: &mut Kdf,
    ) -> Result<()> {
        self.admit(slot, usage, count, |occupant| {
            occupant.key()?.kdf(kdf);
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

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    fn live(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            Err(Kind::DeviceClosed.into())
        } else {
            Ok(())
        }
    }

    fn domain<R>(&self, act: impl FnOnce(&mut Domain) -> Result<R>) -> Result<R> {
        act(lock(&self.domain).as_mut().ok_or(Kind::DeviceClosed)?)
    }
}

impl fmt::Debug for Hsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hsm")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
