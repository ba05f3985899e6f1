//! The verbs, one device, one thread: what they answer, and what they refuse.

mod common;

use common::{SPEC, all, decrypt, device, encrypt, flipped, resized, slot};
use hsm::{
    Entropy, Error, Hsm, Kind, Limit, Sealed, SeededEntropy, Slot, SystemEntropy, Target, Usages,
};
use proptest::prelude::*;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

type Verb = fn(&Hsm, Slot, &[u8], &[u8]) -> Option<Kind>;

proptest! {
    #[test]
    fn what_is_sealed_is_opened_again(seed: u64, plaintext in bytes(5000), aad in bytes(300), cut in 0..300usize) {
        let hsm = device(seed);
        let slot = slot(&hsm);
        let prefix = cut.min(aad.len());
        let mut out = vec![0xaa; prefix + plaintext.len() + 44 + 3];
        let length = hsm.encrypt(slot, &plaintext, &aad, prefix, &mut out).unwrap();
        prop_assert_eq!(length, out.len() - 3);
        prop_assert_eq!(&out[..prefix], &aad[..prefix]);
        prop_assert_eq!(&out[length..], &[0xaa; 3], "nothing behind the frame is touched");
        prop_assert_eq!(decrypt(&hsm, slot, &out[prefix..length], &aad).unwrap(), plaintext);
    }

    #[test]
    fn a_batch_is_many_single_calls(seed: u64, plaintexts in prop::collection::vec(bytes(100), 0..20), aad in bytes(50)) {
        let hsm = device(seed);
        let slot = slot(&hsm);
        let prefix = aad.len() / 2;
        let lengths: Vec<_> = plaintexts.iter().map(|plaintext| u32::try_from(plaintext.len()).unwrap()).collect();
        let mut frames = vec![0; plaintexts.concat().len() + plaintexts.len() * (prefix + 44)];
        let written = hsm.encrypt_many(slot, &plaintexts.concat(), &lengths, &aad, prefix, &mut frames).unwrap();
        prop_assert_eq!(written, frames.len());

        let mut rest = &frames[..];
        for plaintext in &plaintexts {
            let (frame, later) = rest.split_at(prefix + plaintext.len() + 44);
            prop_assert_eq!(&frame[..prefix], &aad[..prefix]);
            prop_assert_eq!(&decrypt(&hsm, slot, &frame[prefix..], &aad).unwrap(), plaintext);
            rest = later;
        }

        let frame_lengths: Vec<_> = lengths.iter().map(|length| length + u32::try_from(prefix + 44).unwrap()).collect();
        let mut opened = vec![0; plaintexts.concat().len()];
        let length = hsm.decrypt_many(slot, &frames, &frame_lengths, prefix, &aad, &mut opened).unwrap();
        prop_assert_eq!(&opened[..length], &plaintexts.concat()[..]);
    }

    #[test]
    fn reencryption_moves_a_message(seed: u64, plaintext in bytes(300), aad in bytes(50), other in bytes(50)) {
        let hsm = device(seed);
        let (from, to) = (slot(&hsm), slot(&hsm));
        let body = encrypt(&hsm, from, &plaintext, &aad).unwrap();
        let mut out = vec![0; plaintext.len() + 44 + other.len()];
        let source = Sealed { slot: from, body: &body, aad: &aad };
        let target = Target { slot: to, aad: &other, prefix: other.len() };
        let length = hsm.reencrypt(source, target, &mut out).unwrap();
        prop_assert_eq!(&out[..other.len()], &other[..]);
        prop_assert_eq!(decrypt(&hsm, to, &out[other.len()..length], &other).unwrap(), plaintext);
    }

    #[test]
    fn wrapped_keys_are_unwrapped(seed: u64, secret in prop::collection::vec(any::<u8>(), 1..200)) {
        let hsm = device(seed);
        let slot = slot(&hsm);
        let wrapped = hsm.wrap(slot, &secret, true).unwrap();
        prop_assert_eq!(&hsm.unwrap(slot, &wrapped, true).unwrap()[..], &secret[..]);
        let whole = secret.len() >= 16 && secret.len() % 8 == 0;
        match hsm.wrap(slot, &secret, false) {
            Ok(wrapped) => prop_assert!(whole && hsm.unwrap(slot, &wrapped, false).unwrap()[..] == secret[..]),
            Err(error) => prop_assert!(!whole && error.kind() == Kind::InvalidLength),
        }
    }
}

#[test]
fn every_failed_decryption_is_the_same_error() {
    let hsm = device(1);
    let (ours, other) = (slot(&hsm), slot(&hsm));
    let body = encrypt(&hsm, ours, b"attack at dawn", b"to: bob").unwrap();
    let failed = Err(Error::new(Kind::DecryptionFailed));
    for changed in flipped(&body).chain(resized(&body)) {
        assert_eq!(decrypt(&hsm, ours, &changed, b"to: bob"), failed);
    }
    for aad in [&b""[..], b"to: bo", b"to: bob ", b"to: bop"] {
        assert_eq!(decrypt(&hsm, ours, &body, aad), failed);
    }
    assert_eq!(decrypt(&hsm, other, &body, b"to: bob"), failed);
    let wrapped = hsm.wrap(ours, &[1; 32], true).unwrap();
    for changed in flipped(&wrapped).chain(resized(&wrapped)) {
        assert_eq!(
            hsm.unwrap(ours, &changed, true).unwrap_err().kind(),
            Kind::DecryptionFailed
        );
    }
}

#[test]
fn one_bad_frame_spoils_the_batch() {
    let hsm = device(2);
    let slot = slot(&hsm);
    let mut frames = [
        encrypt(&hsm, slot, &[1; 20], b"").unwrap(),
        encrypt(&hsm, slot, &[2; 20], b"").unwrap(),
    ]
    .concat();
    frames[100] ^= 1;
    let mut out = [0xaa; 40];
    let answer = hsm.decrypt_many(slot, &frames, &[64, 64], 0, b"", &mut out);
    assert_eq!(answer, Err(Kind::DecryptionFailed.into()));
    assert_eq!(out, [0; 40], "the good one is taken back");
}

#[test]
fn usages_are_kept_apart() {
    let hsm = device(3);
    let full = slot(&hsm);
    let body = encrypt(&hsm, full, b"x", b"").unwrap();
    let wrapped = hsm.wrap(full, &[1; 32], true).unwrap();
    let verbs: [(Usages, Verb); 6] = [
        (Usages::ENCRYPT, |hsm, slot, _, _| {
            encrypt(hsm, slot, b"x", b"").err().map(Error::kind)
        }),
        (Usages::ENCRYPT, |hsm, slot, _, _| {
            hsm.data_key(slot, &mut [0; 32], b"", 0, &mut [0; 99])
                .err()
                .map(Error::kind)
        }),
        (Usages::ENCRYPT, |hsm, slot, _, _| {
            hsm.data_key_sealed(slot, 32, b"", 0, &mut [0; 99])
                .err()
                .map(Error::kind)
        }),
        (Usages::DECRYPT, |hsm, slot, body, _| {
            decrypt(hsm, slot, body, b"").err().map(Error::kind)
        }),
        (Usages::WRAP, |hsm, slot, _, _| {
            hsm.wrap(slot, &[1; 32], true).err().map(Error::kind)
        }),
        (Usages::UNWRAP, |hsm, slot, _, wrapped| {
            hsm.unwrap(slot, wrapped, true).err().map(Error::kind)
        }),
    ];
    for bits in 1..16 {
        let usages = Usages::from_bits(bits);
        let slot = hsm.load(&hsm.generate(SPEC, usages).unwrap()).unwrap();
        for (needed, verb) in verbs {
            let refused = verb(&hsm, slot, &body, &wrapped) == Some(Kind::UsageNotPermitted);
            assert_eq!(
                refused,
                !usages.contains(needed),
                "{usages:?} for {needed:?}"
            );
        }
    }
}

#[test]
fn lengths_are_checked_before_anything_is_written() {
    let hsm = device(4);
    let slot = slot(&hsm);
    let mut out = [0xaa; 100];
    let short = Err(Error::new(Kind::BufferTooSmall));
    let wrong = Err(Error::new(Kind::InvalidLength));
    assert_eq!(hsm.encrypt(slot, &[1; 57], b"", 0, &mut out), short);
    assert_eq!(hsm.encrypt(slot, &[1; 50], b"1234567", 7, &mut out), short);
    assert_eq!(
        hsm.encrypt(slot, b"", b"aad", 4, &mut out),
        wrong,
        "a prefix is part of the associated data"
    );
    assert_eq!(hsm.decrypt(slot, &[0; 145], b"", &mut out), short);
    assert_eq!(hsm.data_key(slot, &mut [0; 57], b"", 0, &mut out), short);
    assert_eq!(hsm.data_key_sealed(slot, 1025, b"", 0, &mut out), wrong);
    assert_eq!(
        hsm.encrypt_many(slot, &[1; 10], &[5, 6], b"", 0, &mut out),
        wrong,
        "lengths add up to what is there"
    );
    assert_eq!(
        hsm.encrypt_many(slot, &[1; 20], &[10, 10], b"", 0, &mut out),
        short
    );
    assert_eq!(hsm.encrypt_many(slot, b"", &[], b"", 1, &mut out), wrong);
    assert_eq!(
        hsm.decrypt_many(slot, &[0; 60], &[60, 1], 0, b"", &mut out),
        Err(Kind::DecryptionFailed.into())
    );
    assert_eq!(
        hsm.decrypt_many(slot, &[0; 60], &[61], 0, b"", &mut out),
        wrong
    );
    assert_eq!(
        hsm.decrypt_many(slot, b"", &[], usize::MAX, b"", &mut out),
        wrong
    );
    assert_eq!(out, [0xaa; 100]);
}

#[test]
fn data_keys_are_sealed_like_messages() {
    let hsm = device(5);
    let slot = slot(&hsm);
    let mut out = [0; 100];
    let mut plain = [0; 32];
    let length = hsm
        .data_key(slot, &mut plain, b"HEADaad", 4, &mut out)
        .unwrap();
    assert_ne!(plain, [0; 32]);
    assert_eq!(&out[..4], b"HEAD");
    assert_eq!(
        decrypt(&hsm, slot, &out[4..length], b"HEADaad").unwrap(),
        plain
    );

    let length = hsm.data_key_sealed(slot, 48, b"aad", 0, &mut out).unwrap();
    let inner = decrypt(&hsm, slot, &out[..length], b"aad").unwrap();
    assert_eq!((length, inner.len()), (92, 48));
    assert_ne!(inner, [0; 48]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_a_fresh_nonce_each_time() {
    let script = |seed| {
        let hsm = device(seed);
        let slot = slot(&hsm);
        (
            encrypt(&hsm, slot, b"x", b"").unwrap(),
            encrypt(&hsm, slot, b"x", b"").unwrap(),
        )
    };
    assert_eq!(script(6), script(6));
    assert_ne!(script(6), script(7));
    let (one, two) = script(6);
    assert!(
        one[..28]
            .iter()
            .zip(&two[..28])
            .filter(|(a, b)| a == b)
            .count()
            < 10
    );

    // Whatever the sizes it is asked for, a seed is one stream.
    let (whole, parts) = (SeededEntropy::new(8), SeededEntropy::new(8));
    let (mut one, mut other) = ([0; 100], [0; 100]);
    whole.fill(&mut one).unwrap();
    other
        .chunks_mut(7)
        .for_each(|part| parts.fill(part).unwrap());
    assert_eq!(one, other);
}

#[test]
fn the_systems_entropy_never_repeats_itself() {
    let mut seen = std::collections::HashSet::new();
    for length in [8, 16, 28, 32, 64, 65, 300].into_iter().cycle().take(2000) {
        let mut out = vec![0; length];
        SystemEntropy.fill(&mut out).unwrap();
        assert!(seen.insert(out[..8].to_vec()), "sixty-four bits came twice");
        assert!(
            out.chunks(8)
                .skip(1)
                .all(|part| part.len() < 8 || seen.insert(part.to_vec()))
        );
    }
}

#[test]
fn a_closed_device_refuses_everything() {
    let hsm = device(12);
    let token = hsm.generate(SPEC, all()).unwrap();
    let slot = hsm.load(&token).unwrap();
    hsm.close();
    hsm.close();
    let closed = Some(Error::new(Kind::DeviceClosed));
    let mut out = [0; 99];
    let (sealed, target) = (
        Sealed {
            slot,
            body: &[0; 44],
            aad: b"",
        },
        Target {
            slot,
            aad: b"",
            prefix: 0,
        },
    );
    let answers = [
        hsm.generate(SPEC, all()).err(),
        hsm.import(SPEC, all(), &mut [1; 32]).err(),
        hsm.describe(&token).err(),
        hsm.load(&token).err(),
        hsm.unload(slot).err(),
        hsm.limit(slot, Limit::default()).err(),
        hsm.mac_key("rows").err(),
        hsm.encrypt(slot, b"", b"", 0, &mut out).err(),
        hsm.decrypt(slot, &[0; 44], b"", &mut out).err(),
        hsm.data_key(slot, &mut [0; 32], b"", 0, &mut out).err(),
        hsm.data_key_sealed(slot, 32, b"", 0, &mut out).err(),
        hsm.reencrypt(sealed, target, &mut out).err(),
        hsm.encrypt_many(slot, b"", &[0], b"", 0, &mut out).err(),
        hsm.decrypt_many(slot, &[0; 44], &[44], 0, b"", &mut out)
            .err(),
        hsm.wrap(slot, &[1; 32], true).err(),
        hsm.unwrap(slot, &[1; 32], true).err(),
        hsm.random(&mut out).err(),
    ];
    assert!(
        answers.iter().all(|answer| *answer == closed),
        "{answers:?}"
    );
    assert_eq!(hsm.stats().slots, 0);
}
