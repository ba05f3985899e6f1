//! Keys come and go: made or taken in, sealed in tokens, opened into slots.

use std::sync::Arc;

use super::Hsm;
use crate::{
    error::{Kind, Result},
    family::Opened,
    kdf::Kdf,
    secret::SecretBuffer,
    slots::{Content, Slot},
    spec::{Spec, Usages},
    sys::{
        self,
        heap::{Heap, within},
    },
    token::Token,
};

/// A key that was made, as the world may see it.
#[derive(Debug)]
pub struct Made {
    /// The key, sealed.
    pub token: Vec<u8>,
    /// The public half as `SubjectPublicKeyInfo`, if there is one.
    pub public_key: Option<Vec<u8>>,
}

impl Hsm {
    /// Makes a key inside the device, and returns its token.
    pub fn generate(&self, spec: &str, usages: Usages) -> Result<Vec<u8>> {
        let spec = permitted(spec, usages)?;
        let secret = self.secret(spec)?;
        self.seal(spec, usages, &secret)
    }

    /// Makes a key inside the device, and returns its token and its public half.
    pub fn make(&self, spec: &str, usages: Usages) -> Result<Made> {
        let spec = permitted(spec, usages)?;
        let secret = self.secret(spec)?;
        let opened = spec.family.open(&secret)?;
        Ok(Made {
            token: self.seal(spec, usages, &secret)?,
            public_key: opened.and_then(|key| key.public().ok()),
        })
    }

    /// Makes a token of a key that came from outside, raw or as PKCS#8, and wipes the caller's copy whatever happens.
    pub fn import(&self, spec: &str, usages: Usages, material: &mut [u8]) -> Result<Vec<u8>> {
        let token = self.take_in(spec, usages, material);
        sys::wipe(material);
        token
    }

    /// The same, for those who wipe it themselves.
    pub(crate) fn take_in(&self, spec: &str, usages: Usages, material: &[u8]) -> Result<Vec<u8>> {
        let spec = permitted(spec, usages)?;
        let mut secret = SecretBuffer::zero(spec.length);
        spec.family.parse(material, &mut secret)?;
        self.seal(spec, usages, &secret)
    }

    /// What a genuine token carries.
    pub fn describe(&self, token: &[u8]) -> Result<(&'static Spec, Usages)> {
        let token = Token::parse(token)?;
        self.unseal(&token)?;
        Ok((token.spec, token.usages))
    }

    /// The public half of a token's pair as `SubjectPublicKeyInfo`.
    pub fn public_key(&self, token: &[u8]) -> Result<Vec<u8>> {
        let token = Token::parse(token)?;
        let opened = token.spec.family.open(&self.unseal(&token)?)?;
        opened.ok_or(Kind::UsageNotPermitted)?.public()
    }

    /// Opens a token into a slot. The same token may be open in several.
    pub fn load(&self, token: &[u8]) -> Result<Slot> {
        let token = Token::parse(token)?;
        let secret = self.unseal(&token)?;
        let content = match self.prepare(token.spec, &secret)? {
            Some(opened) => Content::Opened(opened),
            None => Content::Bytes(secret.first_chunk().ok_or(Kind::InvalidToken)?),
        };
        self.slots.load(content, token.usages, self.slot_limit)
    }

    /// Makes a secret ready for use in protected memory. While there is too little of it, others have to make room; when
    /// there is none at all, better elsewhere than nowhere.
    fn prepare(&self, spec: &Spec, secret: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        loop {
            let opened = within(Heap::Protected, || spec.family.open(secret));
            match opened {
                Err(error) if error.kind() == Kind::Unavailable => {}
                done => return done,
            }
            if !self.slots.evict_opened() {
                return within(Heap::LastResort, || spec.family.open(secret));
            }
        }
    }

    /// A new secret in the form that tokens carry.
    pub(crate) fn secret(&self, spec: &Spec) -> Result<SecretBuffer> {
        self.live()?;
        if let Some(secret) = self.ahead.take(spec) {
            return Ok(secret);
        }
        let mut secret = SecretBuffer::zero(spec.length);
        let go_on = || self.live().is_ok();
        let made = spec.family.generate(&*self.entropy, &go_on, &mut secret);
        self.live()?;
        made.map(|()| secret)
    }

    fn seal(&self, spec: &Spec, usages: Usages, secret: &[u8]) -> Result<Vec<u8>> {
        let mut sealer = Kdf::blank();
        self.sealer(&mut sealer)?;
        Token::seal(spec, usages, secret, &sealer, &*self.entropy)
    }

    fn unseal(&self, token: &Token) -> Result<SecretBuffer> {
        let mut sealer = Kdf::blank();
        self.sealer(&mut sealer)?;
        token.open(&sealer)
    }

    fn sealer(&self, sealer: &mut Kdf) -> Result<()> {
        self.domain(|domain| {
            domain.sealer(sealer);
            Ok(())
        })
    }
}

fn permitted(spec: &str, usages: Usages) -> Result<&'static Spec> {
    let spec = Spec::named(spec)?;
    if spec.permits(usages) {
        Ok(spec)
    } else {
        Err(Kind::UsageNotPermitted.into())
    }
}
