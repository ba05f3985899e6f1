//! Keys from outside. They travel under a wrapping key pair made for them; its private half leaves the device at once,
//! sealed in an import token that says how, until when and for what it may be used. The device remembers nothing.
//!
//! A token is `version(1) | scheme(1) | spec(2) | expiry(8) | nonce(16) | iv(12) | sealed secret | tag(16)`; what stands in
//! front of the nonce, and what the token is bound to, is associated data.

use aws_lc_rs::digest;

use crate::{
    cipher::{self, FRESH},
    error::{Kind, Result},
    family::Opened,
    hash::Hash,
    hsm::Hsm,
    kdf::Kdf,
    key::KEY,
    keywrap,
    scheme::Sealing,
    secret::SecretBuffer,
    spec::{Spec, Usages},
};

/// A wrapping key pair.
#[derive(Debug)]
pub struct WrappingKey {
    /// The private half, sealed.
    pub token: Vec<u8>,
    /// The public half as `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
}

/// What may come in under a wrapping key.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// How keys are wrapped: `RSAES_OAEP_SHA_1`, `RSAES_OAEP_SHA_256`, `RSA_AES_KEY_WRAP_SHA_1`, `RSA_AES_KEY_WRAP_SHA_256`,
    /// `SM2PKE`.
    pub scheme: &'a str,
    /// From this instant on the token is refused; in the unit of `Parcel::now`.
    pub expiry: u64,
    /// What the key is meant for; the parcel has to say the same.
    pub binding: &'a [u8],
}

/// A key on its way in.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The token of the wrapping key.
    pub token: &'a [u8],
    /// What that token is bound to.
    pub binding: &'a [u8],
    /// The time.
    pub now: u64,
    /// The key, wrapped.
    pub wrapped: &'a [u8],
    /// What kind of key it is.
    pub spec: &'a str,
    /// What it shall be used for.
    pub usages: Usages,
    /// A name that its digest depends on.
    pub label: &'a [u8],
}

/// A key that came in.
#[derive(Debug)]
pub struct Imported {
    /// The key's token.
    pub token: Vec<u8>,
    /// Its public half as `SubjectPublicKeyInfo`, if it has one.
    pub public_key: Option<Vec<u8>>,
    /// SHA-256 of label, a zero byte and the key, a pair standing there as its public half, since its private one has many
    /// encodings: the same for the same key under the same label, and for no other.
    pub digest: [u8; 32],
}

impl Hsm {
    /// Makes a wrapping key pair: `RSA_2048`, `RSA_3072` or `RSA_4096`, or `SM2` for what is wrapped so.
    pub fn wrapping_key(&self, spec: &str, terms: &Terms) -> Result<WrappingKey> {
        let scheme = Scheme::named(terms.scheme)?;
        let spec = Spec::named(spec)?;
        if !scheme.suits(spec) {
            return Err(Kind::UnknownSpec.into());
        }
        let secret = self.secret(spec)?;
        let pair = spec.family.open(&secret)?.ok_or(Kind::UnknownSpec)?;

        let header = header(scheme, spec, terms.expiry);
        let mut token = vec![0; HEADER + secret.len() + cipher::OVERHEAD];
        let (front, body) = token.split_at_mut(HEADER);
        front.copy_from_slice(&header);
        let mut fresh = [0; FRESH];
        self.entropy().fill(&mut fresh)?;
        let mut sealer = Kdf::blank();
        self.token_sealer(&mut sealer)?;
        let aad = [&header, terms.binding].concat();
        cipher::seal(&sealer, &fresh, &aad, &secret, body)?;
        let public_key = pair.public()?;
        Ok(WrappingKey { token, public_key })
    }

    /// Unwraps a key and makes a token of it. Looks at the import token first, then at its expiry, then at what was
    /// wrapped; of that it says no more than whether it could be unwrapped and whether it is a key of this kind.
    pub fn import_wrapped(&self, parcel: &Parcel) -> Result<Imported> {
        let (scheme, spec, secret) = self.open_token(parcel)?;
        let pair = spec.family.open(&secret)?.ok_or(Kind::InvalidToken)?;
        let material = scheme.unwrap(&*pair, modulus(spec), parcel.wrapped)?;
        let taken = self.take_in(parcel.spec, parcel.usages, &material);
        let token = taken.map_err(|refusal| match refusal.kind() {
            Kind::InvalidMaterial if is_of_another(parcel.spec, &material) => {
                Kind::SpecMismatch.into()
            }
            Kind::InvalidLength => Kind::InvalidMaterial.into(),
            _ => refusal,
        })?;
        let public_key = match self.public_key(&token) {
            Ok(key) => Some(key),
            Err(refusal) if refusal.kind() == Kind::UsageNotPermitted => None,
            Err(refusal) => return Err(refusal),
        };
        Ok(Imported {
            token,
            digest: parcel.name(public_key.as_deref().unwrap_or(&material)),
            public_key,
        })
    }

    fn open_token(
        &self,
        parcel: &Parcel,
    ) -> Result<(&'static Scheme, &'static Spec, SecretBuffer)> {
        let (header, body) = parcel
            .token
            .split_first_chunk::<HEADER>()
            .ok_or(Kind::InvalidToken)?;
        let length = body
            .len()
            .checked_sub(cipher::OVERHEAD)
            .ok_or(Kind::InvalidToken)?;
        let mut sealer = Kdf::blank();
        self.token_sealer(&mut sealer)?;
        let mut secret = SecretBuffer::zero(length);
        let aad = [header, parcel.binding].concat();
        cipher::open(&sealer, &aad, body, &mut secret).map_err(|_| Kind::InvalidToken)?;
        let (scheme, spec, expiry) = read_header(header).ok_or(Kind::InvalidToken)?;
        if expiry <= parcel.now {
            return Err(Kind::ExpiredToken.into());
        }
        Ok((scheme, spec, secret))
    }

    /// A key of the domain that seals import tokens and nothing else.
    fn token_sealer(&self, kdf: &mut Kdf) -> Result<()> {
        let key = self.mac_key("import tokens")?;
        kdf.rekey(&key[..]);
        Ok(())
    }
}

impl Parcel<'_> {
    fn name(&self, key: &[u8]) -> [u8; 32] {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(self.label);
        hash.update(&[0]);
        hash.update(key);
        let mut name = [0; 32];
        name.copy_from_slice(hash.finish().as_ref());
        name
    }
}

const VERSION: u8 = 1;
const HEADER: usize = 12;

fn header(scheme: &Scheme, spec: &Spec, expiry: u64) -> [u8; HEADER] {
    let [s0, s1] = spec.number.to_be_bytes();
    let mut header = [VERSION, scheme.number, s0, s1, 0, 0, 0, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&expiry.to_be_bytes());
    header
}

fn read_header(header: &[u8; HEADER]) -> Option<(&'static Scheme, &'static Spec, u64)> {
    let &[version, number, s0, s1, ref expiry @ ..] = header;
    let scheme = SCHEMES.iter().find(|scheme| scheme.number == number)?;
    let spec = Spec::numbered(u16::from_be_bytes([s0, s1]))?;
    (version == VERSION).then_some((scheme, spec, u64::from_be_bytes(*expiry)))
}

/// The bytes of an RSA key's modulus, and so of what it encrypts.
fn modulus(spec: &Spec) -> Option<usize> {
    match spec.name {
        "RSA_2048" => Some(256),
        "RSA_3072" => Some(384),
        "RSA_4096" => Some(512),
        _ => None,
    }
}

/// A way to wrap a key: RFC 8017's OAEP, or SM2's encryption, over the key itself, or OAEP over an AES-256 key that wraps it
/// by RFC 5649.
struct Scheme {
    name: &'static str,
    /// Its number in tokens; never used again for anything else.
    number: u8,
    sealing: Sealing,
    inner: bool,
}

const OAEP_SHA_1: Sealing = Sealing::Oaep(Hash::Sha1);
const OAEP_SHA_256: Sealing = Sealing::Oaep(Hash::Sha256);

const fn scheme(number: u8, name: &'static str, sealing: Sealing, inner: bool) -> Scheme {
    Scheme {
        name,
        number,
        sealing,
        inner,
    }
}

static SCHEMES: [Scheme; 5] = [
    scheme(1, "RSAES_OAEP_SHA_1", OAEP_SHA_1, false),
    scheme(2, "RSAES_OAEP_SHA_256", OAEP_SHA_256, false),
    scheme(3, "RSA_AES_KEY_WRAP_SHA_1", OAEP_SHA_1, true),
    scheme(4, "RSA_AES_KEY_WRAP_SHA_256", OAEP_SHA_256, true),
    scheme(5, "SM2PKE", Sealing::Sm2, false),
];

impl Scheme {
    fn named(name: &str) -> Result<&'static Self> {
        SCHEMES
            .iter()
            .find(|scheme| scheme.name == name)
            .ok_or(Kind::UnknownSpec.into())
    }

    /// Whether keys of this spec wrap so.
    fn suits(&self, spec: &Spec) -> bool {
        match self.sealing {
            Sealing::Oaep(_) => modulus(spec).is_some(),
            Sealing::Sm2 => spec.name == "SM2",
        }
    }

    fn unwrap(
        &self,
        key: &dyn Opened,
        modulus: Option<usize>,
        wrapped: &[u8],
    ) -> Result<SecretBuffer> {
        if !self.inner {
            return key.decrypt(self.sealing, wrapped);
        }
        let (sealed, rest) = modulus
            .and_then(|modulus| wrapped.split_at_checked(modulus))
            .ok_or(Kind::DecryptionFailed)?;
        let inner = key.decrypt(self.sealing, sealed)?;
        if inner.len() == KEY {
            keywrap::unwrap(&inner, rest, true)
        } else {
            Err(Kind::DecryptionFailed.into())
        }
    }
}

/// Whether `material` is a private key, but of another spec than the one it was said to be.
fn is_of_another(spec: &str, material: &[u8]) -> bool {
    let pairs = Spec::all()
        .iter()
        .filter(|other| other.usages.contains(Usages::SIGN));
    pairs.filter(|other| other.name != spec).any(|other| {
        let mut secret = SecretBuffer::zero(other.length);
        other.family.parse(material, &mut secret).is_ok()
    })
}
