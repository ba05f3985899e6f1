//! What key pairs and MAC keys do: it holds for what they were given, and for nothing else.

mod common;

use common::{
    device, flipped,
    keys::{agree, decapsulate, encapsulate, mac, raw, sealings, sign, signings},
};
use hsm::{Error, Form, Hash, Kind, Message, Sealing, Signing, Spec, Usages};

#[test]
fn what_was_signed_is_verified_and_nothing_else() {
    let hsm = device(2);
    for spec in Spec::all() {
        let message = b"attack at dawn";
        let load = || {
            let token = hsm.generate(spec.name, spec.usages).unwrap();
            hsm.load(&token).unwrap()
        };
        let schemes = signings(spec);
        if schemes.is_empty() {
            continue;
        }
        let (slot, other) = (load(), load());
        for scheme in schemes {
            let signature = sign(&hsm, slot, scheme, &raw(message)).unwrap();
            let verify = |slot, message: &[u8], signature: &[u8]| {
                hsm.verify(slot, scheme, &raw(message), signature).unwrap()
            };
            let context = format!("{} {scheme:?}", spec.name);
            assert!(verify(slot, message, &signature), "{context}");
            assert!(!verify(other, message, &signature), "{context}");
            assert!(!verify(slot, b"attack at dusk", &signature), "{context}");
            assert!(!verify(slot, message, b""), "{context}");
            assert!(!verify(slot, message, &signature[1..]), "{context}");
            assert!(
                !verify(slot, message, &[&signature[..], &[0]].concat()),
                "{context}"
            );
            for changed in flipped(&signature).step_by(signature.len() / 8) {
                assert!(!verify(slot, message, &changed), "{context}");
            }
            let mut small = vec![0; signature.len() / 2];
            let answer = hsm.sign(slot, scheme, &raw(message), &mut small);
            assert_eq!(answer, Err(Kind::BufferTooSmall.into()), "{context}");
        }
    }
}

/// What is given as a digest is signed as it is; only Ed25519ph hashes it again, as it does everything.
#[test]
fn digests_are_not_hashed_again() {
    use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest as hash};
    let hsm = device(3);
    let message = b"attack at dawn";
    let hashed = |algorithm| hash(algorithm, message).as_ref().to_vec();
    let cases = [
        ("RSA_2048", Signing::Pkcs1(Hash::Sha256), hashed(&SHA256)),
        ("RSA_2048", Signing::Pss(Hash::Sha512), hashed(&SHA512)),
        ("ECC_P256", Signing::Ecdsa, hashed(&SHA256)),
        ("ECC_K256", Signing::Ecdsa, hashed(&SHA256)),
        ("ECC_P384", Signing::Ecdsa, hashed(&SHA384)),
        ("ECC_P521", Signing::Ecdsa, hashed(&SHA512)),
    ];
    for (spec, scheme, digest) in cases {
        let token = hsm.generate(spec, Usages::SIGN | Usages::VERIFY).unwrap();
        let slot = hsm.load(&token).unwrap();
        let form = |form, bytes| Message { form, bytes };
        let by_digest = sign(&hsm, slot, scheme, &form(Form::Digest, &digest)).unwrap();
        let by_message = sign(&hsm, slot, scheme, &raw(message)).unwrap();
        for signature in [by_digest, by_message] {
            for message in [raw(message), form(Form::Digest, &digest)] {
                assert_eq!(
                    hsm.verify(slot, scheme, &message, &signature),
                    Ok(true),
                    "{spec}"
                );
            }
        }
        let longer = [&digest[..], &[0]].concat();
        for wrong in [&digest[1..], &longer, b""] {
            let wrong = form(Form::Digest, wrong);
            let length = Some(Error::new(Kind::InvalidLength));
            assert_eq!(sign(&hsm, slot, scheme, &wrong).err(), length, "{spec}");
            assert_eq!(
                hsm.verify(slot, scheme, &wrong, b"").err(),
                length,
                "{spec}"
            );
        }
        let mu = form(Form::ExternalMu, &[0; 64]);
        let unknown = Some(Error::new(Kind::UnknownScheme));
        assert_eq!(sign(&hsm, slot, scheme, &mu).err(), unknown, "{spec}");
    }
}

/// Spec, scheme, form, length, and the refusal.
const FORMS: &[(&str, Signing, Form, usize, Option<Kind>)] = &[
    ("ED25519", Signing::Ed25519, Form::Raw, 5, None),
    (
        "ED25519",
        Signing::Ed25519,
        Form::Digest,
        64,
        Some(Kind::UnknownScheme),
    ),
    ("ED25519", Signing::Ed25519ph, Form::Raw, 5, None),
    ("ED25519", Signing::Ed25519ph, Form::Digest, 64, None),
    (
        "ED25519",
        Signing::Ed25519ph,
        Form::Digest,
        63,
        Some(Kind::InvalidLength),
    ),
    (
        "ED25519",
        Signing::Ed25519ph,
        Form::ExternalMu,
        64,
        Some(Kind::UnknownScheme),
    ),
    (
        "ED25519",
        Signing::Ecdsa,
        Form::Raw,
        5,
        Some(Kind::UsageNotPermitted),
    ),
    ("ML_DSA_44", Signing::MlDsa, Form::Raw, 5, None),
    ("ML_DSA_44", Signing::MlDsa, Form::ExternalMu, 64, None),
    (
        "ML_DSA_44",
        Signing::MlDsa,
        Form::ExternalMu,
        65,
        Some(Kind::InvalidLength),
    ),
    (
        "ML_DSA_44",
        Signing::MlDsa,
        Form::Digest,
        64,
        Some(Kind::UnknownScheme),
    ),
    (
        "ML_DSA_44",
        Signing::Ed25519,
        Form::Raw,
        5,
        Some(Kind::UsageNotPermitted),
    ),
    ("SM2", Signing::Sm2, Form::Digest, 32, None),
    (
        "SM2",
        Signing::Sm2,
        Form::Digest,
        31,
        Some(Kind::InvalidLength),
    ),
    (
        "SM2",
        Signing::Sm2,
        Form::ExternalMu,
        64,
        Some(Kind::UnknownScheme),
    ),
    (
        "SM2",
        Signing::Ecdsa,
        Form::Raw,
        5,
        Some(Kind::UsageNotPermitted),
    ),
    (
        "ECC_P256",
        Signing::Sm2,
        Form::Raw,
        5,
        Some(Kind::UsageNotPermitted),
    ),
    (
        "ECC_P256",
        Signing::Pkcs1(Hash::Sha256),
        Form::Raw,
        5,
        Some(Kind::UsageNotPermitted),
    ),
];

#[test]
fn forms_that_a_scheme_does_not_have_are_refused() {
    let hsm = device(4);
    for (spec, scheme, form, length, refusal) in FORMS.iter().copied() {
        let token = hsm.generate(spec, Usages::SIGN | Usages::VERIFY).unwrap();
        let slot = hsm.load(&token).unwrap();
        let bytes = &vec![7; length][..];
        let message = Message { form, bytes };
        let context = format!("{spec} {scheme:?} {form:?} {length}");
        match sign(&hsm, slot, scheme, &message) {
            Ok(signature) => {
                assert_eq!(
                    hsm.verify(slot, scheme, &message, &signature),
                    Ok(true),
                    "{context}"
                );
                assert_eq!(refusal, None, "{context}");
            }
            Err(error) => {
                assert_eq!(Some(error.kind()), refusal, "{context}");
                assert_eq!(
                    hsm.verify(slot, scheme, &message, b""),
                    Err(error),
                    "{context}"
                );
            }
        }
    }
    assert_eq!(Signing::numbered(0), Err(Kind::UnknownScheme.into()));
    assert_eq!(Signing::numbered(12), Err(Kind::UnknownScheme.into()));
    assert_eq!(Form::numbered(3), Err(Kind::UnknownScheme.into()));
    assert_eq!(Sealing::numbered(4), Err(Kind::UnknownScheme.into()));
}

#[test]
fn what_was_encrypted_to_a_pair_is_decrypted_by_it_alone() {
    let hsm = device(5);
    for spec in Spec::all() {
        let schemes = sealings(spec);
        if schemes.is_empty() {
            continue;
        }
        let load = || {
            let token = hsm.generate(spec.name, Usages::ENCRYPT | Usages::DECRYPT);
            hsm.load(&token.unwrap()).unwrap()
        };
        let (slot, other) = (load(), load());
        for scheme in schemes {
            let sealed = hsm.encrypt_to(slot, scheme, b"attack at dawn").unwrap();
            let opened = hsm.decrypt_from(slot, scheme, &sealed).unwrap();
            assert_eq!(&opened[..], b"attack at dawn");
            let again = hsm.encrypt_to(slot, scheme, b"attack at dawn").unwrap();
            assert_ne!(sealed, again);
            let failed = |slot, sealed: &[u8]| {
                let answer = hsm.decrypt_from(slot, scheme, sealed);
                assert_eq!(answer.unwrap_err().kind(), Kind::DecryptionFailed);
            };
            failed(other, &sealed);
            failed(slot, b"");
            failed(slot, &sealed[1..]);
            failed(slot, &[&sealed[..], &[0]].concat());
            flipped(&sealed)
                .step_by(sealed.len() / 8)
                .for_each(|changed| failed(slot, &changed));
            let too_long = hsm.encrypt_to(slot, scheme, &[0; 512]);
            let endless = scheme == Sealing::Sm2;
            assert_eq!(too_long.is_ok(), endless);
        }
    }
}

#[test]
fn two_pairs_agree_and_strangers_are_refused() {
    let hsm = device(6);
    let strangers: Vec<_> = Spec::all()
        .iter()
        .filter_map(|spec| {
            let made = hsm.make(spec.name, spec.usages).unwrap();
            made.public_key.map(|key| (spec.name, key))
        })
        .collect();
    assert_eq!(strangers.len(), 15, "every pair has a public half");
    let agreeing = Spec::all()
        .iter()
        .filter(|spec| spec.usages.contains(Usages::AGREE));
    for spec in agreeing {
        let (one, two) = (
            hsm.make(spec.name, Usages::AGREE).unwrap(),
            hsm.make(spec.name, Usages::AGREE).unwrap(),
        );
        let (one_slot, two_slot) = (hsm.load(&one.token).unwrap(), hsm.load(&two.token).unwrap());
        let (one_public, two_public) = (one.public_key.unwrap(), two.public_key.unwrap());
        assert_eq!(hsm.public_key(&one.token).unwrap(), one_public);
        let shared = agree(&hsm, one_slot, &two_public).unwrap();
        assert_eq!(shared, agree(&hsm, two_slot, &one_public).unwrap());
        assert_ne!(shared, agree(&hsm, one_slot, &one_public).unwrap());
        let invalid = Err(Kind::InvalidPublicKey.into());
        for (name, stranger) in &strangers {
            let answer = agree(&hsm, one_slot, stranger);
            assert_eq!(
                answer.is_ok(),
                *name == spec.name,
                "{} and {name}",
                spec.name
            );
        }
        assert_eq!(agree(&hsm, one_slot, b""), invalid);
        // Points off the curve, points at infinity, bytes too few or too many.
        for changed in flipped(&two_public).skip(8 * (two_public.len() - 20)) {
            assert_eq!(agree(&hsm, one_slot, &changed), invalid);
        }
        assert_eq!(
            agree(&hsm, one_slot, &two_public[..two_public.len() - 1]),
            invalid
        );
        assert_eq!(
            agree(&hsm, one_slot, &[&two_public[..], &[0]].concat()),
            invalid
        );
        let small = hsm.agree(one_slot, &two_public, &mut [0; 31]);
        assert_eq!(small, Err(Kind::BufferTooSmall.into()));
    }
}

#[test]
fn an_encapsulated_secret_arrives_and_a_changed_one_is_another() {
    let hsm = device(7);
    let both = Usages::ENCAPSULATE | Usages::DECAPSULATE;
    for spec in ["ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"] {
        let slot = hsm.load(&hsm.generate(spec, both).unwrap()).unwrap();
        let (secret, ciphertext) = encapsulate(&hsm, slot).unwrap();
        assert_eq!(decapsulate(&hsm, slot, &ciphertext), Ok(secret));
        assert_ne!(encapsulate(&hsm, slot).unwrap().0, secret);
        for changed in flipped(&ciphertext).step_by(999) {
            let other = decapsulate(&hsm, slot, &changed).unwrap();
            assert_ne!(other, secret, "no error, but nothing to learn either");
            assert_eq!(decapsulate(&hsm, slot, &changed), Ok(other));
        }
        for wrong in [&ciphertext[1..], &[&ciphertext[..], &[0]].concat()] {
            let answer = decapsulate(&hsm, slot, wrong);
            assert_eq!(answer, Err(Kind::InvalidLength.into()));
        }
        let small = hsm.encapsulate(slot, &mut [0; 32], &mut [0; 700]);
        assert_eq!(small, Err(Kind::BufferTooSmall.into()));
        let small = hsm.encapsulate(slot, &mut [0; 31], &mut [0; 2000]);
        assert_eq!(small, Err(Kind::BufferTooSmall.into()));
    }
}

#[test]
fn macs_are_those_of_the_key_the_message_and_the_whole_length() {
    let hsm = device(8);
    for (spec, length) in [
        ("HMAC_224", 28),
        ("HMAC_256", 32),
        ("HMAC_384", 48),
        ("HMAC_512", 64),
    ] {
        let load = || hsm.load(&hsm.generate(spec, Usages::MAC).unwrap()).unwrap();
        let (slot, other) = (load(), load());
        let tag = mac(&hsm, slot, b"message").unwrap();
        assert_eq!(tag.len(), length);
        let right = |slot, message: &[u8], tag: &[u8]| hsm.verify_mac(slot, message, tag).unwrap();
        assert!(right(slot, b"message", &tag));
        assert!(!right(other, b"message", &tag));
        assert!(!right(slot, b"massage", &tag));
        assert!(
            !right(slot, b"message", &tag[..length - 1]),
            "nothing is truncated"
        );
        assert!(!right(slot, b"message", b""));
        assert!(flipped(&tag).all(|changed| !right(slot, b"message", &changed)));
        let small = hsm.mac(slot, b"message", &mut [0; 27]);
        assert_eq!(small, Err(Kind::BufferTooSmall.into()));
    }
}
