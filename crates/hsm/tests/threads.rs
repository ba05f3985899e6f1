//! Many threads, one device, a table that is always too small: nothing is ever sealed or opened under a wrong key.

mod common;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use common::{
    ROOT, SPEC, all, decrypt, encrypt,
    keys::{raw, sign, signings},
};
use hsm::{Clock, Hsm, Kind, Limit, Settings, Spec, SystemEntropy, Usages};

const THREADS: u64 = 6;
const KEYS: u8 = 24;
const ROUNDS: u64 = 4_000;

struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> u64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

fn device(slots: u32) -> Hsm {
    let mut settings = Settings::new(Ticking(AtomicU64::new(0)), SystemEntropy);
    settings.slots = slots;
    settings.slot = Limit {
        rate: 1_000_000,
        burst: 1_000_000,
    };
    Hsm::create(ROOT, settings).unwrap()
}

/// A small generator, so that every thread plays its own script.
fn next(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap()
}

/// A key, and a message that it alone opens.
struct Known {
    token: Vec<u8>,
    plaintext: [u8; 40],
    body: Vec<u8>,
}

impl Known {
    fn new(hsm: &Hsm, number: u8) -> Self {
        let token = hsm.generate(SPEC, all()).unwrap();
        let plaintext = [number; 40];
        let body = encrypt(hsm, hsm.load(&token).unwrap(), &plaintext, b"k").unwrap();
        Self {
            token,
            plaintext,
            body,
        }
    }
}

#[test]
fn keys_are_never_mixed_up_while_they_are_evicted() {
    let hsm = device(8);
    let keys: Vec<_> = (0..KEYS).map(|number| Known::new(&hsm, number)).collect();
    let stale = AtomicU64::new(0);
    let play = |seed| {
        let mut state = seed;
        let mut slots = vec![None; keys.len()];
        for _ in 0..ROUNDS {
            let chosen = next(&mut state) % keys.len();
            let key = &keys[chosen];
            let slot = *slots[chosen].get_or_insert_with(|| hsm.load(&key.token).unwrap());
            let answer = match next(&mut state) % 16 {
                0 => hsm.unload(slot).map(|()| slots[chosen] = None),
                1..8 => encrypt(&hsm, slot, &key.plaintext, b"k").map(|_| ()),
                _ => decrypt(&hsm, slot, &key.body, b"k")
                    .map(|found| assert_eq!(found, key.plaintext)),
            };
            if let Err(error) = answer {
                assert_eq!(error.kind(), Kind::StaleSlot);
                slots[chosen] = None;
                stale.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for seed in 1..=THREADS {
            let play = &play;
            scope.spawn(move || play(seed));
        }
    });
    let stats = hsm.stats();
    assert!(stats.slots <= 8 && stats.evictions > ROUNDS, "{stats:?}");
    assert!(
        stale.into_inner() > 0,
        "keys were evicted while they were in use"
    );
}

#[test]
fn closing_stops_every_thread() {
    let hsm = device(4);
    let tokens: Vec<_> = (0..8).map(|_| hsm.generate(SPEC, all()).unwrap()).collect();
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (hsm, tokens) = (&hsm, &tokens);
            scope.spawn(move || {
                let mut state = seed;
                loop {
                    let token = &tokens[next(&mut state) % tokens.len()];
                    let answer = hsm
                        .load(token)
                        .and_then(|slot| encrypt(hsm, slot, b"x", b""));
                    match answer.map_err(hsm::Error::kind) {
                        Err(Kind::DeviceClosed) => break,
                        Ok(_) | Err(Kind::StaleSlot) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
            });
        }
        while hsm.stats().evictions < 1_000 {
            thread::yield_now();
        }
        hsm.close();
    });
    assert_eq!(hsm.stats().slots, 0);
}

/// A pair that is evicted while it signs still finishes, and what it made is right.
#[test]
fn pairs_are_never_mixed_up_while_they_are_evicted() {
    let hsm = device(6);
    let keys: Vec<_> = ["RSA_2048", "ECC_P256", "ED25519", "ML_DSA_44", "SM2"]
        .into_iter()
        .cycle()
        .take(15)
        .map(|name| {
            let usages = Usages::SIGN | Usages::VERIFY;
            let token = hsm.generate(name, usages).unwrap();
            (signings(Spec::named(name).unwrap())[0], token)
        })
        .collect();
    let (signed, stale) = (AtomicU64::new(0), AtomicU64::new(0));
    let play = |seed: u64| {
        let mut state = seed;
        let mut slots = vec![None; keys.len()];
        for round in 0..300u64 {
            let chosen = next(&mut state) % keys.len();
            let (scheme, token) = &keys[chosen];
            let slot = *slots[chosen].get_or_insert_with(|| hsm.load(token).unwrap());
            let text = [seed.to_be_bytes(), round.to_be_bytes()].concat();
            match sign(&hsm, slot, *scheme, &raw(&text)) {
                Ok(signature) => {
                    let own = hsm.load(token).unwrap();
                    match hsm.verify(own, *scheme, &raw(&text), &signature) {
                        Ok(right) => assert!(right, "{scheme:?}"),
                        Err(error) => assert_eq!(error.kind(), Kind::StaleSlot),
                    }
                    signed.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    assert_eq!(error.kind(), Kind::StaleSlot);
                    slots[chosen] = None;
                    stale.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for seed in 1..=THREADS {
            let play = &play;
            scope.spawn(move || play(seed));
        }
    });
    let (signed, stale) = (signed.into_inner(), stale.into_inner());
    assert!(
        signed > 300 && stale > 300,
        "{signed} signed, {stale} stale"
    );
}
