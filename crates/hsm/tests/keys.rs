//! Keys of every spec: made, sealed, opened, used for what they were made for and for nothing else.

mod common;

use common::{
    all, decrypt, device, encrypt,
    keys::{
        agree, decapsulate, encapsulate, imported, is_bare, mac, material, raw, sealings, sign,
        signings,
    },
    settings,
};
use hsm::{Error, Hsm, Kind, Limit, Sealing, Settings, Signing, Slot, Spec, SystemEntropy, Usages};

const REFUSED: Error = Error::new(Kind::UsageNotPermitted);

fn bits(usages: Usages) -> impl Iterator<Item = Usages> {
    (0..16)
        .map(|bit| Usages::from_bits(1 << bit))
        .filter(move |usage| usages.contains(*usage))
}

/// Everything that can be asked of a slot: which usage it takes, which specs have it, and what comes of it.
fn verbs(hsm: &Hsm, own: Slot, spec: &Spec, peer: &[u8]) -> Vec<Verb> {
    let aes = spec.name == "AES_256";
    let signing = signings(spec).first().copied().unwrap_or(Signing::Ecdsa);
    let sealing = sealings(spec).first().copied().unwrap_or(Sealing::Sm2);
    // What the opposite verb needs comes from the same key with all usages.
    let body = encrypt(hsm, own, b"x", b"").unwrap_or(vec![0; 45]);
    let wrapped = hsm.wrap(own, &[1; 32], true).unwrap_or(vec![0; 40]);
    let signature = sign(hsm, own, signing, &raw(b"x")).unwrap_or_default();
    let tag = mac(hsm, own, b"x").unwrap_or_default();
    let sealed = hsm.encrypt_to(own, sealing, b"x").unwrap_or_default();
    let carried = encapsulate(hsm, own).unwrap_or(([0; 32], vec![])).1;
    let peer = peer.to_vec();

    let verb = |usage, has, act: Act| Verb { usage, has, act };
    let has = |usage| !aes && spec.usages.contains(usage);
    vec![
        verb(
            Usages::ENCRYPT,
            aes,
            Box::new(|hsm, slot| encrypt(hsm, slot, b"x", b"").map(drop)),
        ),
        verb(
            Usages::ENCRYPT,
            aes,
            Box::new(|hsm, slot| {
                hsm.data_key(slot, &mut [0; 8], b"", 0, &mut [0; 52])
                    .map(drop)
            }),
        ),
        verb(
            Usages::ENCRYPT,
            aes,
            Box::new(|hsm, slot| hsm.data_key_pair(slot, "ED25519", b"", 0).map(drop)),
        ),
        verb(
            Usages::DECRYPT,
            aes,
            Box::new(move |hsm, slot| decrypt(hsm, slot, &body, b"").map(drop)),
        ),
        verb(
            Usages::WRAP,
            aes,
            Box::new(|hsm, slot| hsm.wrap(slot, &[1; 32], true).map(drop)),
        ),
        verb(
            Usages::UNWRAP,
            aes,
            Box::new(move |hsm, slot| hsm.unwrap(slot, &wrapped, true).map(drop)),
        ),
        verb(
            Usages::SIGN,
            has(Usages::SIGN),
            Box::new(move |hsm, slot| sign(hsm, slot, signing, &raw(b"x")).map(drop)),
        ),
        verb(
            Usages::VERIFY,
            has(Usages::VERIFY),
            Box::new(move |hsm, slot| {
                hsm.verify(slot, signing, &raw(b"x"), &signature)
                    .map(|right| assert!(right))
            }),
        ),
        verb(
            Usages::MAC,
            has(Usages::MAC),
            Box::new(|hsm, slot| mac(hsm, slot, b"x").map(drop)),
        ),
        verb(
            Usages::MAC,
            has(Usages::MAC),
            Box::new(move |hsm, slot| hsm.verify_mac(slot, b"x", &tag).map(|right| assert!(right))),
        ),
        verb(
            Usages::ENCRYPT,
            has(Usages::ENCRYPT),
            Box::new(move |hsm, slot| hsm.encrypt_to(slot, sealing, b"x").map(drop)),
        ),
        verb(
            Usages::DECRYPT,
            has(Usages::DECRYPT),
            Box::new(move |hsm, slot| hsm.decrypt_from(slot, sealing, &sealed).map(drop)),
        ),
        verb(
            Usages::AGREE,
            has(Usages::AGREE),
            Box::new(move |hsm, slot| agree(hsm, slot, &peer).map(drop)),
        ),
        verb(
            Usages::ENCAPSULATE,
            has(Usages::ENCAPSULATE),
            Box::new(|hsm, slot| encapsulate(hsm, slot).map(drop)),
        ),
        verb(
            Usages::DECAPSULATE,
            has(Usages::DECAPSULATE),
            Box::new(move |hsm, slot| decapsulate(hsm, slot, &carried).map(drop)),
        ),
    ]
}

type Act = Box<dyn Fn(&Hsm, Slot) -> hsm::Result<()>>;

struct Verb {
    usage: Usages,
    has: bool,
    act: Act,
}

#[test]
fn a_key_does_what_it_was_made_for_and_nothing_else() {
    let hsm = device(1);
    let (mut allowed, mut refused) = (0, 0);
    for spec in Spec::all() {
        let material = material(&hsm, spec);
        let own = hsm
            .import(spec.name, spec.usages, &mut material.clone())
            .unwrap();
        let peer = hsm.public_key(&own).unwrap_or_default();
        let own = hsm.load(&own).unwrap();
        let verbs = verbs(&hsm, own, spec, &peer);
        for usage in bits(Usages::from_bits(u16::MAX)) {
            let slot = imported(&hsm, spec, usage, &material);
            assert_eq!(slot.is_ok(), spec.usages.contains(usage));
            let Ok(slot) = slot else { continue };
            for verb in &verbs {
                let answer = (verb.act)(&hsm, slot);
                if verb.has && verb.usage == usage {
                    assert_eq!(answer, Ok(()), "{}: {usage:?}", spec.name);
                    allowed += 1;
                } else {
                    assert_eq!(answer, Err(REFUSED), "{}: {usage:?}", spec.name);
                    refused += 1;
                }
            }
        }
        assert!(
            verbs
                .iter()
                .all(|verb| (verb.act)(&hsm, own).is_ok() == verb.has),
            "{}: and with all usages everything it has",
            spec.name
        );
        assert_eq!(
            hsm.generate(spec.name, Usages::from_bits(0)),
            Err(REFUSED),
            "{}",
            spec.name
        );
    }
    println!("{allowed} pairs of usage and verb pass, {refused} are refused");
}

#[test]
fn what_came_in_is_the_key_that_went_out() {
    let hsm = device(9);
    for spec in Spec::all() {
        let material = material(&hsm, spec);
        let token = hsm
            .import(spec.name, spec.usages, &mut material.clone())
            .unwrap();
        let (found, usages) = hsm.describe(&token).unwrap();
        assert_eq!((found, usages), (spec, spec.usages));
        let mut changed = token.clone();
        for at in (0..token.len()).step_by(token.len() / 40) {
            changed[at] ^= 0x10;
            assert_eq!(
                hsm.load(&changed),
                Err(Kind::InvalidToken.into()),
                "{}",
                spec.name
            );
            assert_eq!(hsm.public_key(&changed), Err(Kind::InvalidToken.into()));
            changed[at] ^= 0x10;
        }
        // No key of one kind passes for one of another, but for bytes of the right number.
        for other in Spec::all() {
            let answer = hsm.import(other.name, other.usages, &mut material.clone());
            let alike = other == spec || is_bare(other) && material.len() == other.length;
            assert_eq!(answer.is_ok(), alike, "{} as {}", spec.name, other.name);
        }
        let mut wiped = material.clone();
        hsm.import(spec.name, spec.usages, &mut wiped).unwrap();
        assert!(wiped.iter().all(|byte| *byte == 0));
        let mut short = material[..material.len() - 1].to_vec();
        assert!(hsm.import(spec.name, spec.usages, &mut short).is_err());
        assert!(
            short.iter().all(|byte| *byte == 0),
            "and wiped even when it is refused"
        );
    }
}

#[test]
fn data_key_pairs_open_under_the_key_that_sealed_them() {
    let hsm = device(10);
    let aes = hsm.load(&hsm.generate("AES_256", all()).unwrap()).unwrap();
    for spec in Spec::all() {
        let pair = hsm.data_key_pair(aes, spec.name, b"header, context", 7);
        let Ok(pair) = pair else {
            assert!(!spec.usages.contains(Usages::VERIFY) || spec.usages.contains(Usages::MAC));
            continue;
        };
        assert_eq!(&pair.sealed[..7], b"header,");
        let opened = decrypt(&hsm, aes, &pair.sealed[7..], b"header, context").unwrap();
        assert_eq!(opened, pair.private_key[..]);
        let token = hsm
            .import(spec.name, spec.usages, &mut opened.clone())
            .unwrap();
        assert_eq!(
            hsm.public_key(&token).unwrap(),
            pair.public_key,
            "{}",
            spec.name
        );
    }
    let prefix = hsm.data_key_pair(aes, "ED25519", b"short", 6);
    assert_eq!(prefix.err(), Some(Kind::InvalidLength.into()));
}

#[test]
fn the_same_seed_makes_the_same_keys() {
    let make = |seed| {
        let hsm = device(seed);
        Spec::all()
            .iter()
            .map(|spec| hsm.make(spec.name, spec.usages).unwrap())
            .map(|made| (made.token, made.public_key))
            .collect::<Vec<_>>()
    };
    let (once, again, other) = (make(11), make(11), make(12));
    assert_eq!(once, again);
    assert!(once.iter().zip(&other).all(|(one, other)| one != other));
}

#[test]
fn every_verb_draws_from_the_limiter() {
    let hsm = device(13);
    for spec in Spec::all() {
        let token = hsm.make(spec.name, spec.usages).unwrap();
        let peer = token.public_key.unwrap_or_default();
        let slot = hsm.load(&token.token).unwrap();
        for verb in verbs(&hsm, slot, spec, &peer) {
            if verb.has {
                hsm.limit(slot, Limit { rate: 1, burst: 1 }).unwrap();
                (verb.act)(&hsm, slot).unwrap();
                let refused = (verb.act)(&hsm, slot).unwrap_err();
                assert!(
                    matches!(refused.kind(), Kind::RateLimited { .. }),
                    "{}",
                    spec.name
                );
            }
        }
    }
}

#[test]
fn a_closed_device_refuses_pairs_and_macs_too() {
    let hsm = device(14);
    let closed = Err(Kind::DeviceClosed.into());
    let all: Vec<_> = Spec::all()
        .iter()
        .map(|spec| {
            let made = hsm.make(spec.name, spec.usages).unwrap();
            let slot = hsm.load(&made.token).unwrap();
            let verbs = verbs(&hsm, slot, spec, &made.public_key.unwrap_or_default());
            (spec, made.token, slot, verbs)
        })
        .collect();
    hsm.close();
    for (spec, token, slot, verbs) in all {
        for verb in verbs {
            assert_eq!((verb.act)(&hsm, slot), closed, "{}", spec.name);
        }
        assert_eq!(hsm.make(spec.name, spec.usages).map(drop), closed);
        assert_eq!(hsm.public_key(&token).map(drop), closed);
    }
}

#[test]
fn keys_made_ahead_are_keys_like_any_other() {
    let mut settings = Settings::new(common::Scripted::default(), SystemEntropy);
    settings.make_ahead("ECC_P256", 4).unwrap();
    let unknown = settings.make_ahead("ECC_P255", 4);
    assert_eq!(unknown, Err(Kind::UnknownSpec.into()));
    let hsm = Hsm::create(common::ROOT, settings).unwrap();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let made = hsm.make("ECC_P256", Usages::SIGN | Usages::VERIFY).unwrap();
        let slot = hsm.load(&made.token).unwrap();
        let signature = sign(&hsm, slot, Signing::Ecdsa, &raw(b"x")).unwrap();
        assert_eq!(
            hsm.verify(slot, Signing::Ecdsa, &raw(b"x"), &signature),
            Ok(true)
        );
        assert!(seen.insert(made.public_key), "no key is handed out twice");
    }
}

/// More opened keys than protected memory has room for: the oldest make room, and come back when they are loaded again.
#[test]
fn opened_keys_make_room_for_each_other() {
    let hsm = Hsm::create(common::ROOT, settings(15)).unwrap();
    let tokens: Vec<_> = (0..8)
        .map(|_| {
            hsm.generate("ECC_P256", Usages::SIGN | Usages::VERIFY)
                .unwrap()
        })
        .collect();
    let slots: Vec<_> = (0..4_000)
        .map(|at| hsm.load(&tokens[at % tokens.len()]).unwrap())
        .collect();
    let signed = slots
        .iter()
        .map(|slot| sign(&hsm, *slot, Signing::Ecdsa, &raw(b"x")));
    let (mut fresh, mut stale) = (0u32, 0u32);
    for answer in signed {
        match answer {
            Ok(_) => fresh += 1,
            Err(error) => {
                assert_eq!(error.kind(), Kind::StaleSlot);
                stale += 1;
            }
        }
    }
    let stats = hsm.stats();
    assert_eq!((stats.slots, stats.evictions), (fresh, u64::from(stale)));
    assert!(fresh > 500, "so many have room at least");
    println!("{fresh} of 4,000 P-256 pairs had room, {:?}", stats.memory);
}
