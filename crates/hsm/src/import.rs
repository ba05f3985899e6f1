//! Keys from outside. They travel under a wrapping key pair made for them; its private half leaves the device at once,
//! sealed in an import token that says how, until when and for what it may be used. The device remembers nothing.
//!
//! A token is `version(1) | scheme(1) | expiry(8) | nonce(16) | iv(12) | sealed PKCS#8 | tag(16)`; what stands in front of
//! the nonce, and what the token is bound to, is associated data.

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{
        KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
        OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
};

use crate::{
    cipher::{self, FRESH},
    error::{Kind, Result},
    hsm::Hsm,
    kdf::Kdf,
    key::KEY,
    keywrap, material,
    secret::SecretBuffer,
    spec::Usages,
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
    /// How keys are wrapped: `RSAES_OAEP_SHA_1`, `RSAES_OAEP_SHA_256`, `RSA_AES_KEY_WRAP_SHA_1`, `RSA_AES_KEY_WRAP_SHA_256`.
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
    /// SHA-256 of label, a zero byte and the key: the same for the same key under the same label, and for no other.
    pub digest: [u8; 32],
}

impl Hsm {
    /// Makes a wrapping key pair: `RSA_2048`, `RSA_3072` or `RSA_4096`.
    pub fn wrapping_key(&self, spec: &str, terms: &Terms) -> Result<WrappingKey> {
        let scheme = Scheme::named(terms.scheme)?;
        let key = PrivateDecryptingKey::generate(size(spec)?).map_err(|_| Kind::Unavailable)?;
        let private = AsDer::<Pkcs8V1Der>::as_der(&key).map_err(|_| Kind::Unavailable)?;
        let public = AsDer::<PublicKeyX509Der>::as_der(&key.public_key());

        let header = header(scheme, terms.expiry);
        let mut token = vec![0; HEADER + private.as_ref().len() + cipher::OVERHEAD];
        let (front, body) = token.split_at_mut(HEADER);
        front.copy_from_slice(&header);
        let mut fresh = [0; FRESH];
        self.entropy().fill(&mut fresh)?;
        let mut sealer = Kdf::blank();
        self.token_sealer(&mut sealer)?;
        let aad = [&header, terms.binding].concat();
        cipher::seal(&sealer, &fresh, &aad, private.as_ref(), body)?;
        Ok(WrappingKey {
            token,
            public_key: public.map_err(|_| Kind::Unavailable)?.as_ref().to_vec(),
        })
    }

    /// Unwraps a key and makes a token of it. Looks at the import token first, then at its expiry, then at what was
    /// wrapped; of that it says no more than whether it could be unwrapped and whether it is a key of this kind.
    pub fn import_wrapped(&self, parcel: &Parcel) -> Result<Imported> {
        let (scheme, key) = self.open_token(parcel)?;
        let unwrapped = scheme.unwrap(key, parcel.wrapped)?;
        let mut material = material::parse(parcel.spec, &unwrapped)?;
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(parcel.label);
        hash.update(&[0]);
        hash.update(&material.secret);
        let mut digest = [0; 32];
        digest.copy_from_slice(hash.finish().as_ref());
        Ok(Imported {
            token: self.import(parcel.spec, parcel.usages, &mut material.secret)?,
            public_key: material.public_key,
            digest,
        })
    }

    fn open_token(&self, parcel: &Parcel) -> Result<(&'static Scheme, PrivateDecryptingKey)> {
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
        let mut private = SecretBuffer::zero(length);
        let aad = [header, parcel.binding].concat();
        cipher::open(&sealer, &aad, body, &mut private).map_err(|_| Kind::InvalidToken)?;
        let (scheme, expiry) = read_header(header).ok_or(Kind::InvalidToken)?;
        if expiry <= parcel.now {
            return Err(Kind::ExpiredToken.into());
        }
        let key = PrivateDecryptingKey::from_pkcs8(&private).map_err(|_| Kind::InvalidToken)?;
        Ok((scheme, key))
    }

    /// A key of the domain that seals import tokens and nothing else.
    fn token_sealer(&self, kdf: &mut Kdf) -> Result<()> {
        let key = self.mac_key("import tokens")?;
        kdf.rekey(&key[..]);
        Ok(())
    }
}

const VERSION: u8 = 1;
const HEADER: usize = 10;

fn header(scheme: &Scheme, expiry: u64) -> [u8; HEADER] {
    let mut header = [VERSION, scheme.number, 0, 0, 0, 0, 0, 0, 0, 0];
    header[2..].copy_from_slice(&expiry.to_be_bytes());
    header
}

fn read_header(header: &[u8; HEADER]) -> Option<(&'static Scheme, u64)> {
    let &[version, number, ref expiry @ ..] = header;
    let scheme = SCHEMES.iter().find(|scheme| scheme.number == number)?;
    (version == VERSION).then_some((scheme, u64::from_be_bytes(*expiry)))
}

fn size(spec: &str) -> Result<KeySize> {
    match spec {
        "RSA_2048" => Ok(KeySize::Rsa2048),
        "RSA_3072" => Ok(KeySize::Rsa3072),
        "RSA_4096" => Ok(KeySize::Rsa4096),
        _ => Err(Kind::UnknownSpec.into()),
    }
}

/// A way to wrap a key: RFC 8017's OAEP over the key itself, or over an AES-256 key that wraps it by RFC 5649.
struct Scheme {
    name: &'static str,
    /// Its number in tokens; never used again for anything else.
    number: u8,
    oaep: &'static OaepAlgorithm,
    inner: bool,
}

static SCHEMES: [Scheme; 4] = [
    Scheme {
        name: "RSAES_OAEP_SHA_1",
        number: 1,
        oaep: &OAEP_SHA1_MGF1SHA1,
        inner: false,
    },
    Scheme {
        name: "RSAES_OAEP_SHA_256",
        number: 2,
        oaep: &OAEP_SHA256_MGF1SHA256,
        inner: false,
    },
    Scheme {
        name: "RSA_AES_KEY_WRAP_SHA_1",
        number: 3,
        oaep: &OAEP_SHA1_MGF1SHA1,
        inner: true,
    },
    Scheme {
        name: "RSA_AES_KEY_WRAP_SHA_256",
        number: 4,
        oaep: &OAEP_SHA256_MGF1SHA256,
        inner: true,
    },
];

impl Scheme {
    fn named(name: &str) -> Result<&'static Self> {
        SCHEMES
            .iter()
            .find(|scheme| scheme.name == name)
            .ok_or(Kind::UnknownSpec.into())
    }

    fn unwrap(&self, key: PrivateDecryptingKey, wrapped: &[u8]) -> Result<SecretBuffer> {
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| Kind::DecryptionFailed)?;
        let (sealed, rest) = wrapped
            .split_at_checked(key.key_size_bytes())
            .ok_or(Kind::DecryptionFailed)?;
        let mut opened = SecretBuffer::zero(key.min_output_size());
        let length = key
            .decrypt(self.oaep, sealed, &mut opened, None)
            .map_err(|_| Kind::DecryptionFailed)?
            .len();
        opened.truncate(length);
        match (self.inner, rest, length) {
            (false, [], _) => Ok(opened),
            (true, [_, ..], KEY) => keywrap::unwrap(&opened, rest, true),
            _ => Err(Kind::DecryptionFailed.into()),
        }
    }
}
