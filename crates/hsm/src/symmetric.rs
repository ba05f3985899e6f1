//! Keys that are nothing but random bytes.

use std::sync::Arc;

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    family::{Family, GoOn, Opened},
};

/// AES: a slot keeps its bytes, and what is precomputed of them.
#[derive(Debug)]
pub struct Aes;

impl Family for Aes {
    fn generate(&self, entropy: &dyn Entropy, _: GoOn, out: &mut [u8]) -> Result<()> {
        entropy.fill(out)
    }

    fn parse(&self, material: &[u8], out: &mut [u8]) -> Result<()> {
        copy(material, out)
    }

    fn open(&self, _: &[u8]) -> Result<Option<Arc<dyn Opened>>> {
        Ok(None)
    }
}

/// A secret from outside that is kept as it came.
pub fn copy(material: &[u8], out: &mut [u8]) -> Result<()> {
    if material.len() != out.len() {
        return Err(Kind::InvalidLength.into());
    }
    out.copy_from_slice(material);
    Ok(())
}
