//! Attested recipients: a document is believed as it was signed, while it is fresh, and below a root that was given.

mod common;

use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::{
    cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey},
    encoding::{AsDer, PublicKeyX509Der},
    iv::FixedLength,
};
use common::device;
use hsm::{Attestation, Kind, Platform, Trust};
use proptest::prelude::*;

/// Made by the attester that ships with the package, at `MADE`.
const DOCUMENT: &[u8] = include_bytes!("vectors/attestation.cbor");
const ROOT: &[u8] = include_bytes!("vectors/attestation-root.der");
const MADE: u64 = 1_767_225_600_000;
const MINUTE: u64 = 60_000;

fn trust(now: u64) -> Trust<'static> {
    Trust {
        roots: &[ROOT],
        now,
        window: 5 * MINUTE,
    }
}

#[test]
fn a_document_tells_what_it_was_made_of() {
    let attestation = Attestation::verify(DOCUMENT, trust(MADE)).unwrap();
    assert_eq!(
        attestation.module,
        "i-1234567890abcdef0-enc0123456789abcdef"
    );
    assert_eq!(attestation.timestamp, MADE);
    assert_eq!(attestation.platform, Platform::Enclave);
    assert_eq!(attestation.registers.len(), 16);
    assert_eq!(attestation.registers[&0], [0xab; 48]);
    assert_eq!(attestation.registers[&1], [0; 48]);
    assert_eq!(attestation.user_data.as_deref(), Some(&b"signed along"[..]));
    assert_eq!(attestation.nonce, None);
    // Tagged as COSE_Sign1, it is the same document.
    let tagged = [&[0xd2], DOCUMENT].concat();
    assert!(Attestation::verify(&tagged, trust(MADE)).is_ok());
}

#[test]
fn it_is_believed_while_it_is_fresh_and_below_a_root_that_was_given() {
    let refused = |trust| Attestation::verify(DOCUMENT, trust).unwrap_err().kind();
    for (now, fresh) in [
        (MADE + 5 * MINUTE, true),
        (MADE + 5 * MINUTE + 1, false),
        (MADE - 5 * MINUTE, false),
        (MADE - MINUTE, true),
        (0, false),
        (u64::MAX, false),
    ] {
        assert_eq!(
            Attestation::verify(DOCUMENT, trust(now)).is_ok(),
            fresh,
            "{now}"
        );
    }
    let nobody = Trust {
        roots: &[],
        ..trust(MADE)
    };
    assert_eq!(refused(nobody), Kind::InvalidAttestation);
    let nonsense = Trust {
        roots: &[b"no root", &ROOT[1..]],
        ..trust(MADE)
    };
    assert_eq!(refused(nonsense), Kind::InvalidAttestation);
    // Whatever the window, the certificate has a life of its own.
    let late = Trust {
        window: u64::MAX,
        ..trust(MADE + 181 * MINUTE)
    };
    assert_eq!(refused(late), Kind::InvalidAttestation);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_document_is_believed(
        changes in prop::collection::vec((0..DOCUMENT.len(), 1u8..), 1..4),
        cut in prop::option::of(0..DOCUMENT.len()),
        more in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut changed = DOCUMENT.to_vec();
        for (at, change) in changes {
            changed[at] ^= change;
        }
        changed.truncate(cut.unwrap_or(DOCUMENT.len()));
        changed.extend(more);
        let refused = changed == DOCUMENT || Attestation::verify(&changed, trust(MADE)).is_err();
        prop_assert!(refused);
    }

    #[test]
    fn no_noise_is_believed(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Attestation::verify(&noise, trust(MADE)).is_err());
    }
}

#[test]
fn an_envelope_holds_what_was_put_in_and_only_its_key_opens_it() {
    let hsm = device(1);
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let public = AsDer::<PublicKeyX509Der>::as_der(&key.public_key()).unwrap();
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    for length in [0, 1, 15, 16, 17, 1024, 4096] {
        let plaintext: Vec<u8> = (0..length).map(|i: usize| i.to_le_bytes()[0]).collect();
        let envelope = hsm.envelope_of(public.as_ref(), &plaintext).unwrap();
        assert_eq!(open(&key, &envelope), plaintext);
        let partly = |out: &mut [u8]| {
            out[..length].copy_from_slice(&plaintext);
            Ok(length)
        };
        let envelope = hsm.envelope(public.as_ref(), length + 7, partly).unwrap();
        assert_eq!(open(&key, &envelope), plaintext);
    }
    let failing = hsm.envelope(public.as_ref(), 8, |_| Err(Kind::DecryptionFailed.into()));
    assert_eq!(failing, Err(Kind::DecryptionFailed.into()));
    let nobody = hsm.envelope_of(b"no key", b"secret");
    assert_eq!(nobody, Err(Kind::InvalidAttestation.into()));
}

/// Finds sealed key, IV and content where DER with one RSA-2048 recipient has them, and opens them.
fn open(key: &OaepPrivateDecryptingKey, envelope: &[u8]) -> Vec<u8> {
    let after = |needle: &[u8]| {
        let found = envelope
            .windows(needle.len())
            .position(|window| window == needle);
        found.expect("the element is there") + needle.len()
    };
    let sealed = after(&[0x04, 0x82, 0x01, 0x00]);
    let mut inner = vec![0; key.min_output_size()];
    let inner = key
        .decrypt(
            &OAEP_SHA256_MGF1SHA256,
            &envelope[sealed..sealed + 256],
            &mut inner,
            None,
        )
        .unwrap();
    // AES-256-CBC, and its IV.
    let iv = after(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a, 0x04, 16]);
    let content = &envelope[iv + 16..];
    assert_eq!(content[0], 0x80);
    let header = if content[1] < 0x80 {
        2
    } else {
        2 + usize::from(content[1] - 0x80)
    };
    let mut content = content[header..].to_vec();
    let iv: [u8; 16] = envelope[iv..iv + 16].try_into().unwrap();
    PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, inner).unwrap())
        .unwrap()
        .decrypt(
            &mut content,
            DecryptionContext::Iv128(FixedLength::from(iv)),
        )
        .unwrap()
        .to_vec()
}
