//! Tokens and sealed domains: only what this domain and this root secret made, byte for byte, is ever accepted.

mod common;

use common::{ROOT, SPEC, all, decrypt, device, encrypt, flipped, resized, settings};
use hsm::{Hsm, Kind, RootSecret, Usages};

#[test]
fn a_token_carries_its_spec_and_usages() {
    let hsm = device(1);
    for bits in 1..16 {
        let usages = Usages::from_bits(bits);
        let token = hsm.generate(SPEC, usages).unwrap();
        let (spec, found) = hsm.describe(&token).unwrap();
        assert_eq!((spec.name, found), (SPEC, usages));
    }
}

#[test]
fn no_changed_token_is_accepted() {
    let hsm = device(2);
    let token = hsm.generate(SPEC, all()).unwrap();
    for changed in flipped(&token).chain(resized(&token)) {
        assert_eq!(
            hsm.load(&changed),
            Err(Kind::InvalidToken.into()),
            "{changed:02x?}"
        );
        assert_eq!(hsm.describe(&changed), Err(Kind::InvalidToken.into()));
    }
    assert_eq!(hsm.stats().slots, 0, "nothing was loaded on the way");
    hsm.load(&token).unwrap();
}

#[test]
fn a_refused_token_evicts_nothing() {
    let mut small = settings(3);
    small.slots = 1;
    let hsm = Hsm::create(ROOT, small).unwrap();
    let mut token = hsm.generate(SPEC, all()).unwrap();
    let slot = hsm.load(&token).unwrap();
    token[40] ^= 1;
    assert_eq!(hsm.load(&token), Err(Kind::InvalidToken.into()));
    encrypt(&hsm, slot, b"still here", b"").unwrap();
}

#[test]
fn a_token_of_another_domain_is_refused() {
    let (ours, theirs) = (device(4), device(5));
    let token = theirs.generate(SPEC, all()).unwrap();
    assert_eq!(ours.load(&token), Err(Kind::InvalidToken.into()));
}

#[test]
fn a_reopened_domain_opens_what_it_sealed() {
    let hsm = device(6);
    let token = hsm.generate(SPEC, all()).unwrap();
    let body = encrypt(&hsm, hsm.load(&token).unwrap(), b"kept", b"aad").unwrap();
    let label = hsm.mac_key("rows").unwrap();

    let again = Hsm::open(ROOT, hsm.sealed_domain(), settings(7)).unwrap();
    assert_eq!(again.sealed_domain(), hsm.sealed_domain());
    let slot = again.load(&token).unwrap();
    assert_eq!(decrypt(&again, slot, &body, b"aad").unwrap(), b"kept");
    assert_eq!(again.mac_key("rows").unwrap()[..], label[..]);
    assert_ne!(
        again.mac_key("anchor").unwrap()[..],
        label[..],
        "one key for each purpose"
    );
}

#[test]
fn no_changed_domain_and_no_other_secret_is_accepted() {
    let hsm = device(8);
    let sealed = hsm.sealed_domain();
    for changed in flipped(sealed).chain(resized(sealed)) {
        assert_eq!(
            Hsm::open(ROOT, &changed, settings(9)).unwrap_err().kind(),
            Kind::InvalidToken
        );
    }
    for other in [
        RootSecret::Key(&[8; 32]),
        RootSecret::Key(&[7; 33]),
        RootSecret::Passphrase(&[7; 32]),
    ] {
        assert_eq!(
            Hsm::open(other, sealed, settings(9)).unwrap_err().kind(),
            Kind::InvalidToken
        );
    }
}

#[test]
fn a_passphrase_opens_its_domain_and_no_other_one_does() {
    let hsm = Hsm::create(RootSecret::Passphrase(b"correct horse"), settings(10)).unwrap();
    let token = hsm.generate(SPEC, all()).unwrap();
    let again = Hsm::open(
        RootSecret::Passphrase(b"correct horse"),
        hsm.sealed_domain(),
        settings(11),
    )
    .unwrap();
    again.load(&token).unwrap();
    let wrong = Hsm::open(
        RootSecret::Passphrase(b"correct house"),
        hsm.sealed_domain(),
        settings(11),
    );
    assert_eq!(wrong.unwrap_err().kind(), Kind::InvalidToken);

    // Fewer iterations than are asked for today, or so many that opening would never end, are not even tried.
    for iterations in [0, 1, 599_999, u32::MAX] {
        let mut changed = hsm.sealed_domain().to_vec();
        changed[2..6].copy_from_slice(&iterations.to_be_bytes());
        let answer = Hsm::open(
            RootSecret::Passphrase(b"correct horse"),
            &changed,
            settings(11),
        );
        assert_eq!(answer.unwrap_err().kind(), Kind::InvalidToken);
    }
}

#[test]
fn poor_root_secrets_are_refused() {
    for poor in [
        RootSecret::Key(&[7; 31]),
        RootSecret::Key(b""),
        RootSecret::Passphrase(b""),
    ] {
        assert_eq!(
            Hsm::create(poor, settings(12)).unwrap_err().kind(),
            Kind::InvalidLength
        );
    }
}

#[test]
fn import_takes_the_callers_copy_away() {
    let hsm = device(13);
    let mut secret = [9; 32];
    let token = hsm.import(SPEC, all(), &mut secret).unwrap();
    assert_eq!(secret, [0; 32]);

    let mut same = [9; 32];
    let twin = hsm.import(SPEC, all(), &mut same).unwrap();
    assert_ne!(token, twin, "sealed anew each time");
    let body = encrypt(&hsm, hsm.load(&token).unwrap(), b"one key", b"").unwrap();
    assert_eq!(
        decrypt(&hsm, hsm.load(&twin).unwrap(), &body, b"").unwrap(),
        b"one key"
    );

    for length in [0, 16, 31, 33, 64] {
        let mut secret = vec![9; length];
        assert_eq!(
            hsm.import(SPEC, all(), &mut secret),
            Err(Kind::InvalidLength.into())
        );
        assert_eq!(secret, vec![0; length], "wiped even when it is refused");
    }
}

#[test]
fn unknown_specs_and_usages_make_no_token() {
    let hsm = device(14);
    assert_eq!(
        hsm.generate("AES_128", all()),
        Err(Kind::UnknownSpec.into())
    );
    for bits in [0, 16, 31, u16::MAX] {
        let answer = hsm.generate(SPEC, Usages::from_bits(bits));
        assert_eq!(answer, Err(Kind::UsageNotPermitted.into()));
    }
}

#[test]
fn what_is_printed_is_no_secret() {
    let hsm = device(15);
    let printed = format!("{:?} {:?} {:?}", ROOT, hsm.mac_key("rows").unwrap(), hsm);
    assert!(printed.starts_with("… … Hsm {"), "{printed}");
    assert!(!printed.contains('7'), "{printed}");
}
