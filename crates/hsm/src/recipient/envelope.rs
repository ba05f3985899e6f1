//! The envelope: CMS `EnvelopedData` (RFC 5652) for one holder of an RSA key, in DER.
//!
//! The content is encrypted by AES-256-CBC under a key made for it, that key by RSAES-OAEP with SHA-256 (RFC 4055).

use aws_lc_rs::{
    cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    digest,
    iv::FixedLength,
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};

use crate::{
    entropy::Entropy,
    error::{Kind, Result},
    key::KEY,
    secret::Secret,
};

const IV: usize = 16;

/// Whether an envelope can be made for this key: RSA, of 2,048 bits or more.
pub fn takes(public_key: &[u8]) -> bool {
    PublicEncryptingKey::from_der(public_key).is_ok()
}

/// Puts `plaintext` into an envelope for `public_key`.
pub fn seal(public_key: &[u8], plaintext: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
    let recipient = PublicEncryptingKey::from_der(public_key)
        .and_then(|key| Ok(OaepPublicEncryptingKey::new(key)?))
        .map_err(|_| Kind::InvalidAttestation)?;
    let (mut key, mut iv) = (Secret::<KEY>::zero(), [0; IV]);
    entropy.fill(&mut key[..])?;
    entropy.fill(&mut iv)?;

    let mut sealed_key = vec![0; recipient.ciphertext_size()];
    recipient
        .encrypt(&OAEP_SHA256_MGF1SHA256, &key[..], &mut sealed_key, None)
        .map_err(|_| Kind::Unavailable)?;

    // Room for the padding from the start: a vector that grows leaves a copy of the plaintext behind.
    let mut content = Vec::with_capacity(plaintext.len() + IV);
    content.extend_from_slice(plaintext);
    let cipher = UnboundCipherKey::new(&AES_256, &key[..])
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .map_err(|_| Kind::Unavailable)?;
    cipher
        .less_safe_encrypt(
            &mut content,
            EncryptionContext::Iv128(FixedLength::from(iv)),
        )
        .map_err(|_| Kind::Unavailable)?;

    let name = identifier(public_key).ok_or(Kind::InvalidAttestation)?;
    Ok(content_info(&name, &sealed_key, &iv, &content))
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]` in place of a primitive's tag, and around or in place of a constructed one's; `[1]` likewise.
const ZERO: u8 = 0x80;
const IN_ZERO: u8 = 0xa0;
const IN_ONE: u8 = 0xa1;

// Object identifiers, encoded whole.
const DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENVELOPED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];
const RSAES_OAEP: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7];
const MGF1: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
const SHA_256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const AES_256_CBC: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a];
const NULL: &[u8] = &[5, 0];
/// Both structures count as version 2 when a recipient is named by its key's identifier.
const VERSION: &[u8] = &[INTEGER, 1, 2];

fn content_info(name: &[u8], sealed_key: &[u8], iv: &[u8], content: &[u8]) -> Vec<u8> {
    let hash = tlv(SEQUENCE, &[SHA_256, NULL]);
    let mask = tlv(SEQUENCE, &[MGF1, &hash]);
    let parameters = tlv(SEQUENCE, &[&tlv(IN_ZERO, &[&hash]), &tlv(IN_ONE, &[&mask])]);
    let recipient = tlv(
        SEQUENCE,
        &[
            VERSION,
            &tlv(ZERO, &[name]),
            &tlv(SEQUENCE, &[RSAES_OAEP, &parameters]),
            &tlv(OCTETS, &[sealed_key]),
        ],
    );
    let cipher = tlv(SEQUENCE, &[AES_256_CBC, &tlv(OCTETS, &[iv])]);
    let encrypted = tlv(SEQUENCE, &[DATA, &cipher, &tlv(ZERO, &[content])]);
    let enveloped = tlv(SEQUENCE, &[VERSION, &tlv(SET, &[&recipient]), &encrypted]);
    tlv(SEQUENCE, &[ENVELOPED_DATA, &tlv(IN_ZERO, &[&enveloped])])
}

/// One element of DER.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    match (content.len(), significant.len()) {
        (short @ 0..0x80, _) => out.extend(u8::try_from(short)),
        (_, bytes) => {
            out.extend(u8::try_from(0x80 + bytes));
            out.extend(significant);
        }
    }
    out.extend(content);
    out
}

/// RFC 5280, 4.2.1.2, method 1: SHA-1 of the bits of `subjectPublicKey`, which for RSA is all behind a fixed algorithm.
fn identifier(spki: &[u8]) -> Option<[u8; 20]> {
    let (_, inside) = element(spki)?;
    let (algorithm_end, _) = element(inside)?;
    let (_, bits) = element(inside.get(algorithm_end..)?)?;
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bits.get(1..)?);
    digest.as_ref().try_into().ok()
}

/// Where the first element of some DER ends, and what is in it.
fn element(der: &[u8]) -> Option<(usize, &[u8])> {
    let &first = der.get(1)?;
    let bytes = usize::from(first).saturating_sub(0x80);
    let length = match bytes {
        0 => usize::from(first),
        1..=3 => der
            .get(2..2 + bytes)?
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        _ => return None,
    };
    let start = 2 + bytes;
    Some((start + length, der.get(start..start + length)?))
}
