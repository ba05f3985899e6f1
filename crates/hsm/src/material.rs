//! What an unwrapped key must look like to become a key of the device: its length, its curve, its modulus, its sense.

use crate::{
    error::{Kind, Result},
    secret::SecretBuffer,
    spec::Spec,
};

/// A key in the form the device keeps it in.
pub struct Material {
    pub secret: SecretBuffer,
    pub public_key: Option<Vec<u8>>,
}

/// Takes `bytes` for a key of this kind: a symmetric key as it is.
pub fn parse(spec: &str, bytes: &[u8]) -> Result<Material> {
    let spec = Spec::named(spec)?;
    if bytes.len() != spec.length {
        return Err(Kind::InvalidMaterial.into());
    }
    let mut secret = SecretBuffer::zero(bytes.len());
    secret.copy_from_slice(bytes);
    Ok(Material {
        secret,
        public_key: None,
    })
}
