//! The device as JavaScript sees it: a class for what happens now and then, `verbs()` for what happens all the time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use ::hsm::{
    Clock, Kind, Limit, Memory, RootSecret, SeededEntropy, Settings, SystemEntropy, Usages,
};
use napi::{
    Env,
    bindgen_prelude::{Buffer, BufferSlice},
};
use napi_derive::napi;

use crate::{
    errors::Thrown,
    raw::{self, Verbs},
};

/// How a device is made. A rate that is absent or 0 is no limit; a burst that is absent or 0 is one second's worth.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct HsmOptions {
    /// How many keys are open at once: 65,536 unless said otherwise, each taking 96 bytes of protected memory. Key
    /// pairs and MAC keys take more of it, up to a quarter of what may be locked; when that is full, they make room for each
    /// other.
    pub slots: Option<u32>,
    /// Calls a second of all verbs together.
    pub device_rate: Option<u32>,
    /// Calls at once of all verbs together.
    pub device_burst: Option<u32>,
    /// Calls a second that each slot starts with.
    pub slot_rate: Option<u32>,
    /// Calls at once that each slot starts with.
    pub slot_burst: Option<u32>,
    /// How many keys of each kind, such as `RSA_4096`, are kept ready by a thread of the device's own; none unless said
    /// otherwise.
    #[napi(ts_type = "{ [spec: string]: number }")]
    pub pregenerate: Option<HashMap<String, u32>>,
    /// Has everything random repeat with the same number: keys, tokens, nonces, random answers. For tests alone: such keys
    /// are no secret. What hedges signatures does not repeat.
    pub seed: Option<f64>,
}

/// What a token carries.
#[napi(object, object_from_js = false)]
pub struct KeyDescription {
    /// The key's kind, such as `AES_256`.
    pub spec: &'static str,
    /// What it was made for: the bits that `generate` takes.
    pub usages: u32,
}

/// How full a device is.
#[napi(object, object_from_js = false)]
pub struct HsmStats {
    /// Slots that hold a key.
    pub slots: u32,
    /// Slots there can be.
    pub capacity: u32,
    /// Keys that had to make room for others.
    pub evictions: f64,
    /// Where keys live.
    #[napi(ts_type = "'memfd_secret' | 'locked' | 'ordinary'")]
    pub secret_memory: &'static str,
    /// Set when keys are protected less well than they could be.
    pub warning: Option<&'static str>,
}

/// A simulated hardware security module. Errors carry a `code`: `InvalidToken`, `ExpiredToken`, `InvalidMaterial`,
/// `SpecMismatch`, `InvalidAttestation`, `StaleSlot`, `UsageNotPermitted`, `DecryptionFailed`, `RateLimited` (with `wait` in
/// milliseconds), `InvalidLength`, `BufferTooSmall`, `DeviceClosed`, `UnknownSpec`, `UnknownScheme`, `InvalidPublicKey`,
/// `Unavailable`; an argument of the wrong type is a `TypeError` with the code `InvalidArg`.
#[napi]
pub struct Hsm {
    /// For the store, which asks it for a key of its own.
    pub(crate) device: Arc<::hsm::Hsm>,
    id: u32,
}

#[napi]
impl Hsm {
    /// A new device with a fresh domain key sealed under the root secret: exactly 32 bytes are a key, anything else is a
    /// passphrase.
    #[napi(factory)]
    pub fn create(
        env: &Env,
        root_secret: &[u8],
        options: Option<HsmOptions>,
    ) -> napi::Result<Self> {
        settings(options.unwrap_or_default())
            .and_then(|settings| ::hsm::Hsm::create(root(root_secret), settings))
            .map(Self::register)
            .thrown(env)
    }

    /// Reopens a domain. `InvalidToken` when the secret or the sealed domain is wrong.
    #[napi(factory)]
    pub fn open(
        env: &Env,
        root_secret: &[u8],
        sealed_domain: &[u8],
        options: Option<HsmOptions>,
    ) -> napi::Result<Self> {
        settings(options.unwrap_or_default())
            .and_then(|settings| ::hsm::Hsm::open(root(root_secret), sealed_domain, settings))
            .map(Self::register)
            .thrown(env)
    }

    /// Joins the device another thread of this process opened.
    #[napi(factory)]
    pub fn attach(env: &Env, id: u32) -> napi::Result<Self> {
        let hsm = devices().get(&id).and_then(Weak::upgrade);
        hsm.map(|device| Self { device, id })
            .ok_or(Kind::DeviceClosed.into())
            .thrown(env)
    }

    /// What `attach` asks for.
    #[napi(getter)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The sealed domain, versioned and authenticated. Store it; without it, every token is lost.
    #[napi]
    pub fn sealed_domain(&self) -> Buffer {
        self.device.sealed_domain().into()
    }

    /// Makes a key inside the device, and returns its token. `usages` is a set of bits: 1 encrypt, 2 decrypt, 4 wrap,
    /// 8 unwrap, 16 sign, 32 verify, 64 make and check MACs, 128 agree, 256 encapsulate, 512 decapsulate.
    #[napi]
    pub fn generate(&self, env: &Env, spec: String, usages: u32) -> napi::Result<Buffer> {
        self.device
            .generate(&spec, bits(usages))
            .map(Buffer::from)
            .thrown(env)
    }

    /// Makes a token of a key from outside, a symmetric one as it is, a pair as PKCS#8, and wipes the caller's copy.
    #[napi]
    pub fn import(
        &self,
        env: &Env,
        spec: String,
        usages: u32,
        #[napi(ts_arg_type = "Uint8Array")] mut secret: BufferSlice,
    ) -> napi::Result<Buffer> {
        self.device
            .import(&spec, bits(usages), &mut secret)
            .map(Buffer::from)
            .thrown(env)
    }

    /// Opens a token into a slot, whose number the verbs take. `StaleSlot` later means: it was evicted, load it again.
    #[napi]
    pub fn load(&self, env: &Env, token: &[u8]) -> napi::Result<f64> {
        #[expect(clippy::cast_precision_loss, reason = "slot numbers stay below 2^53")]
        self.device
            .load(token)
            .map(|slot| slot.number() as f64)
            .thrown(env)
    }

    /// Wipes a slot.
    #[napi]
    pub fn unload(&self, env: &Env, slot: f64) -> napi::Result<()> {
        self.device.unload(raw::slot(slot)).thrown(env)
    }

    /// What a genuine token carries.
    #[napi]
    pub fn describe(&self, env: &Env, token: &[u8]) -> napi::Result<KeyDescription> {
        let (spec, usages) = self.device.describe(token).thrown(env)?;
        Ok(KeyDescription {
            spec: spec.name,
            usages: usages.bits().into(),
        })
    }

    /// Limits a slot to `rate` calls a second and `burst` at once; a rate of 0 lifts the limit.
    #[napi]
    pub fn limit_slot(&self, env: &Env, slot: f64, rate: u32, burst: u32) -> napi::Result<()> {
        self.device
            .limit(raw::slot(slot), Limit { rate, burst })
            .thrown(env)
    }

    /// Wraps `data` under a slot's key: RFC 3394, or RFC 5649 when `padded`.
    #[napi]
    pub fn wrap(&self, env: &Env, slot: f64, data: &[u8], padded: bool) -> napi::Result<Buffer> {
        self.device
            .wrap(raw::slot(slot), data, padded)
            .map(Buffer::from)
            .thrown(env)
    }

    /// Unwraps what `wrap` made.
    #[napi]
    pub fn unwrap(&self, env: &Env, slot: f64, data: &[u8], padded: bool) -> napi::Result<Buffer> {
        self.device
            .unwrap(raw::slot(slot), data, padded)
            .map(|secret| Buffer::from(&secret[..]))
            .thrown(env)
    }

    /// How full the device is.
    #[napi]
    pub fn stats(&self) -> HsmStats {
        let stats = self.device.stats();
        #[expect(
            clippy::cast_precision_loss,
            reason = "nobody waits for 2^53 evictions"
        )]
        let evictions = stats.evictions as f64;
        let (secret_memory, warning) = match stats.memory {
            Memory::Secret => ("memfd_secret", None),
            Memory::Locked => (
                "locked",
                Some("no memfd_secret(2) here: keys are locked into RAM, but root can read them"),
            ),
            Memory::Ordinary => (
                "ordinary",
                Some("no memory can be locked: some private keys are where any program's data is"),
            ),
        };
        HsmStats {
            slots: stats.slots,
            capacity: stats.capacity,
            evictions,
            secret_memory,
            warning,
        }
    }

    /// Wipes every slot and the domain, for every thread. Afterwards every verb is refused with `DeviceClosed`.
    #[napi]
    pub fn close(&self) {
        self.device.close();
        devices().remove(&self.id);
    }

    /// The verbs of the hot path, bound to this device and this thread.
    #[napi]
    pub fn verbs<'env>(&self, env: &'env Env) -> napi::Result<Verbs<'env>> {
        raw::verbs(env, &self.device)
    }

    fn register(device: ::hsm::Hsm) -> Self {
        let device = Arc::new(device);
        let mut devices = devices();
        devices.retain(|_, device| device.strong_count() > 0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        devices.insert(id, Arc::downgrade(&device));
        Self { device, id }
    }
}

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// The devices of this process, so that its threads can share them. Whoever lets go of a device last wipes it.
fn devices() -> MutexGuard<'static, BTreeMap<u32, Weak<::hsm::Hsm>>> {
    static DEVICES: Mutex<BTreeMap<u32, Weak<::hsm::Hsm>>> = Mutex::new(BTreeMap::new());
    DEVICES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root(secret: &[u8]) -> RootSecret<'_> {
    if secret.len() == 32 {
        RootSecret::Key(secret)
    } else {
        RootSecret::Passphrase(secret)
    }
}

fn settings(options: HsmOptions) -> ::hsm::Result<Settings> {
    let limit = |rate: Option<u32>, burst: Option<u32>| Limit {
        rate: rate.unwrap_or(0),
        burst: burst.unwrap_or(0),
    };
    let clock = Monotonic(Instant::now());
    let mut settings = match options.seed {
        None => Settings::new(clock, SystemEntropy),
        Some(seed) => Settings::new(clock, SeededEntropy::new(seed.to_bits())),
    };
    settings.slots = options.slots.unwrap_or(settings.slots);
    settings.device = limit(options.device_rate, options.device_burst);
    settings.slot = limit(options.slot_rate, options.slot_burst);
    for (spec, count) in options.pregenerate.iter().flatten() {
        settings.make_ahead(spec, *count as usize)?;
    }
    Ok(settings)
}

/// Bits that no usage has become bits that no key permits.
pub fn bits(usages: u32) -> Usages {
    Usages::from_bits(u16::try_from(usages).unwrap_or(u16::MAX))
}

struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
