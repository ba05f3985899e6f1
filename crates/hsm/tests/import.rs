//! Keys from outside: what comes in works, and a token lets in nothing but what it was made for.

mod common;

use aws_lc_rs::{
    digest,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
    },
};
use common::{SPEC, all, decrypt, device, encrypt, flipped, resized};
use hsm::{Error, Hsm, Imported, Kind, Parcel, Terms, Usages, WrappingKey};

const KEY: [u8; 32] = [0x5a; 32];
const OAEP: Terms = Terms {
    scheme: "RSAES_OAEP_SHA_256",
    expiry: 1000,
    binding: b"key 1",
};

/// Wraps as the world outside does.
fn oaep(key: &WrappingKey, scheme: &str, plaintext: &[u8]) -> Vec<u8> {
    let key = PublicEncryptingKey::from_der(&key.public_key).unwrap();
    let key = OaepPublicEncryptingKey::new(key).unwrap();
    let padding = if scheme.ends_with("SHA_1") {
        &OAEP_SHA1_MGF1SHA1
    } else {
        &OAEP_SHA256_MGF1SHA256
    };
    let mut out = vec![0; key.ciphertext_size()];
    key.encrypt(padding, plaintext, &mut out, None).unwrap();
    out
}

/// An AES key under OAEP, and `plaintext` under that AES key.
fn nested(hsm: &Hsm, key: &WrappingKey, scheme: &str, plaintext: &[u8]) -> Vec<u8> {
    let token = hsm.import(SPEC, Usages::WRAP, &mut KEY.clone()).unwrap();
    let wrapped = hsm
        .wrap(hsm.load(&token).unwrap(), plaintext, true)
        .unwrap();
    [oaep(key, scheme, &KEY), wrapped].concat()
}

fn parcel<'a>(token: &'a [u8], wrapped: &'a [u8]) -> Parcel<'a> {
    Parcel {
        token,
        binding: OAEP.binding,
        now: 0,
        wrapped,
        spec: SPEC,
        usages: all(),
        label: b"label",
    }
}

/// Why an import is refused.
fn refusal(result: hsm::Result<Imported>) -> Error {
    result.map(|imported| imported.digest).unwrap_err()
}

#[test]
fn every_scheme_and_wrapping_key_brings_in_the_same_key() {
    let hsm = device(1);
    let known = hsm.import(SPEC, all(), &mut KEY.clone()).unwrap();
    let sealed = encrypt(&hsm, hsm.load(&known).unwrap(), b"attack at dawn", b"").unwrap();
    let name = digest::digest(&digest::SHA256, &[&b"label\0"[..], &KEY].concat());
    for spec in ["RSA_2048", "RSA_3072"] {
        for scheme in [
            "RSAES_OAEP_SHA_1",
            "RSAES_OAEP_SHA_256",
            "RSA_AES_KEY_WRAP_SHA_1",
            "RSA_AES_KEY_WRAP_SHA_256",
        ] {
            let key = hsm.wrapping_key(spec, &Terms { scheme, ..OAEP }).unwrap();
            let wrapped = if scheme.starts_with("RSA_") {
                nested(&hsm, &key, scheme, &KEY)
            } else {
                oaep(&key, scheme, &KEY)
            };
            let imported = hsm.import_wrapped(&parcel(&key.token, &wrapped)).unwrap();
            let slot = hsm.load(&imported.token).unwrap();
            assert_eq!(
                decrypt(&hsm, slot, &sealed, b"").unwrap(),
                b"attack at dawn"
            );
            assert_eq!(imported.digest, name.as_ref());
            assert!(imported.public_key.is_none());
            assert!(!key.token.windows(32).any(|window| window == KEY));
        }
    }
}

#[test]
fn a_token_is_good_for_what_it_is_bound_to_until_it_expires() {
    let hsm = device(2);
    let key = hsm.wrapping_key("RSA_2048", &OAEP).unwrap();
    let wrapped = oaep(&key, OAEP.scheme, &KEY);
    let good = parcel(&key.token, &wrapped);
    assert!(hsm.import_wrapped(&Parcel { now: 999, ..good }).is_ok());
    assert_eq!(
        refusal(hsm.import_wrapped(&Parcel { now: 1000, ..good })),
        Kind::ExpiredToken.into()
    );
    for binding in [&b"key 2"[..], b"key 11", b"key ", b""] {
        let strange = Parcel { binding, ..good };
        assert_eq!(
            refusal(hsm.import_wrapped(&strange)),
            Kind::InvalidToken.into()
        );
    }
    let other = device(3);
    assert_eq!(
        refusal(other.import_wrapped(&good)),
        Kind::InvalidToken.into()
    );
    let token = hsm.generate(SPEC, all()).unwrap();
    let strange = Parcel {
        token: &token,
        ..good
    };
    assert_eq!(
        refusal(hsm.import_wrapped(&strange)),
        Kind::InvalidToken.into()
    );
}

#[test]
fn no_changed_token_is_accepted() {
    let hsm = device(4);
    let key = hsm.wrapping_key("RSA_2048", &OAEP).unwrap();
    let wrapped = oaep(&key, OAEP.scheme, &KEY);
    for token in flipped(&key.token).chain(resized(&key.token)) {
        // Not even past its date, for only a genuine token has one.
        for now in [0, u64::MAX] {
            let strange = Parcel {
                now,
                ..parcel(&token, &wrapped)
            };
            assert_eq!(
                refusal(hsm.import_wrapped(&strange)),
                Kind::InvalidToken.into()
            );
        }
    }
}

#[test]
fn what_was_not_wrapped_so_is_refused() {
    let hsm = device(5);
    let (key, other) = (
        hsm.wrapping_key("RSA_2048", &OAEP).unwrap(),
        hsm.wrapping_key("RSA_2048", &OAEP).unwrap(),
    );
    let wrapped = oaep(&key, OAEP.scheme, &KEY);
    let mut changed = wrapped.clone();
    changed[100] ^= 1;
    let strange = [
        changed,
        oaep(&other, OAEP.scheme, &KEY),
        oaep(&key, "RSAES_OAEP_SHA_1", &KEY),
        nested(&hsm, &key, OAEP.scheme, &KEY),
        wrapped[..255].to_vec(),
        [&wrapped[..], &[0]].concat(),
        vec![],
        vec![0xff; 256],
    ];
    for wrapped in &strange {
        let refused = hsm.import_wrapped(&parcel(&key.token, wrapped));
        assert_eq!(refusal(refused), Kind::DecryptionFailed.into());
        // The date comes first.
        let late = Parcel {
            now: 2000,
            ..parcel(&key.token, wrapped)
        };
        assert_eq!(
            refusal(hsm.import_wrapped(&late)),
            Kind::ExpiredToken.into()
        );
    }
    for length in [0, 1, 16, 31, 33, 64] {
        let wrapped = oaep(&key, OAEP.scheme, &vec![7; length]);
        let refused = hsm.import_wrapped(&parcel(&key.token, &wrapped));
        assert_eq!(refusal(refused), Kind::InvalidMaterial.into());
    }
}

#[test]
fn the_nested_scheme_wants_an_aes_256_key_and_a_whole_wrap() {
    let hsm = device(6);
    let scheme = "RSA_AES_KEY_WRAP_SHA_256";
    let key = hsm
        .wrapping_key("RSA_2048", &Terms { scheme, ..OAEP })
        .unwrap();
    let whole = nested(&hsm, &key, scheme, &KEY);
    let short_key = [oaep(&key, scheme, &KEY[..16]), whole[256..].to_vec()].concat();
    let mut changed = whole.clone();
    changed[260] ^= 1;
    for wrapped in [
        &whole[..256],
        &whole[..280],
        &changed,
        &short_key,
        &oaep(&key, scheme, &KEY),
    ] {
        let refused = hsm.import_wrapped(&parcel(&key.token, wrapped));
        assert_eq!(refusal(refused), Kind::DecryptionFailed.into());
    }
}

#[test]
fn nothing_is_made_of_names_nobody_knows() {
    let hsm = device(7);
    let unknown = Err(Kind::UnknownSpec.into());
    for spec in ["RSA_1024", "AES_256", ""] {
        assert_eq!(hsm.wrapping_key(spec, &OAEP).map(|_| ()), unknown);
    }
    let terms = Terms {
        scheme: "RSAES_PKCS1_V1_5",
        ..OAEP
    };
    assert_eq!(hsm.wrapping_key("RSA_2048", &terms).map(|_| ()), unknown);
    hsm.close();
    let closed = hsm.wrapping_key("RSA_2048", &OAEP).map(|_| ());
    assert_eq!(closed, Err(Kind::DeviceClosed.into()));
}
