//! One key of each spec, and how to use it: what the tests of key pairs and MAC keys share.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use hsm::{Form, Hash, Hsm, Message, Result, Sealing, Signing, Slot, Spec, Usages};

pub fn raw(bytes: &[u8]) -> Message<'_> {
    let form = Form::Raw;
    Message { form, bytes }
}

pub fn digest(bytes: &[u8]) -> Message<'_> {
    let form = Form::Digest;
    Message { form, bytes }
}

/// Whether its keys are bare bytes.
pub fn is_bare(spec: &Spec) -> bool {
    spec.usages.contains(Usages::WRAP) || spec.usages.contains(Usages::MAC)
}

/// A secret of this spec as it comes from outside.
pub fn material(hsm: &Hsm, spec: &Spec) -> Vec<u8> {
    if is_bare(spec) {
        return vec![0x5a; spec.length];
    }
    let sealer = hsm.generate("AES_256", Usages::ENCRYPT).unwrap();
    let sealer = hsm.load(&sealer).unwrap();
    let pair = hsm.data_key_pair(sealer, spec.name, b"", 0).unwrap();
    hsm.unload(sealer).unwrap();
    pair.private_key.to_vec()
}

/// The same key with the usages given.
pub fn imported(hsm: &Hsm, spec: &Spec, usages: Usages, material: &[u8]) -> Result<Slot> {
    let token = hsm.import(spec.name, usages, &mut material.to_vec())?;
    hsm.load(&token)
}

/// Every way to sign that keys of this spec have.
pub fn signings(spec: &Spec) -> Vec<Signing> {
    match spec.name {
        name if name.starts_with("RSA") => [Hash::Sha256, Hash::Sha384, Hash::Sha512]
            .into_iter()
            .flat_map(|hash| [Signing::Pkcs1(hash), Signing::Pss(hash)])
            .collect(),
        name if name.starts_with("ECC") => vec![Signing::Ecdsa],
        "ED25519" => vec![Signing::Ed25519, Signing::Ed25519ph],
        name if name.starts_with("ML_DSA") => vec![Signing::MlDsa],
        "SM2" => vec![Signing::Sm2],
        _ => vec![],
    }
}

/// Every way to encrypt to keys of this spec.
pub fn sealings(spec: &Spec) -> Vec<Sealing> {
    match spec.name {
        name if name.starts_with("RSA") => {
            vec![Sealing::Oaep(Hash::Sha1), Sealing::Oaep(Hash::Sha256)]
        }
        "SM2" => vec![Sealing::Sm2],
        _ => vec![],
    }
}

pub fn sign(hsm: &Hsm, slot: Slot, scheme: Signing, message: &Message) -> Result<Vec<u8>> {
    let mut out = vec![0; Signing::MOST_SIGNATURE];
    let length = hsm.sign(slot, scheme, message, &mut out)?;
    out.truncate(length);
    Ok(out)
}

pub fn mac(hsm: &Hsm, slot: Slot, message: &[u8]) -> Result<Vec<u8>> {
    let mut out = vec![0; 64];
    let length = hsm.mac(slot, message, &mut out)?;
    out.truncate(length);
    Ok(out)
}

pub fn agree(hsm: &Hsm, slot: Slot, peer: &[u8]) -> Result<Vec<u8>> {
    let mut out = vec![0; 66];
    let length = hsm.agree(slot, peer, &mut out)?;
    out.truncate(length);
    Ok(out)
}

/// The secret, and its ciphertext.
pub fn encapsulate(hsm: &Hsm, slot: Slot) -> Result<([u8; 32], Vec<u8>)> {
    let (mut secret, mut ciphertext) = ([0; 32], vec![0; 2000]);
    let length = hsm.encapsulate(slot, &mut secret, &mut ciphertext)?;
    ciphertext.truncate(length);
    Ok((secret, ciphertext))
}

pub fn decapsulate(hsm: &Hsm, slot: Slot, ciphertext: &[u8]) -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    hsm.decapsulate(slot, ciphertext, &mut secret)?;
    Ok(secret)
}
