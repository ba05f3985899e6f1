//! Rate limits through the verbs: a refusal says how long to wait, and has done nothing.

mod common;

use common::{ROOT, Scripted, decrypt, encrypt, settings, slot};
use hsm::{Error, Hsm, Kind, Limit, Sealed, SeededEntropy, Settings, Target};

#[test]
fn limits_refuse_without_doing_anything() {
    let clock = Scripted::default();
    let mut settings = Settings::new(clock.clone(), SeededEntropy::new(9));
    (settings.device, settings.slot) = (Limit { rate: 10, burst: 4 }, Limit { rate: 1, burst: 2 });
    let hsm = Hsm::create(ROOT, settings).unwrap();
    let (one, two) = (slot(&hsm), slot(&hsm));
    let limited = |wait| Err(Error::new(Kind::RateLimited { wait }));
    let seal = |slot| encrypt(&hsm, slot, b"x", b"").map(|_| ());

    assert_eq!((seal(one), seal(one)), (Ok(()), Ok(())));
    let mut out = [0xaa; 99];
    assert_eq!(
        hsm.encrypt(one, b"x", b"", 0, &mut out).map(|_| ()),
        limited(1_000_000_000)
    );
    assert_eq!(out, [0xaa; 99]);
    assert_eq!((seal(two), seal(two)), (Ok(()), Ok(())));
    hsm.limit(two, Limit::default()).unwrap();
    assert_eq!(seal(two), limited(100_000_000), "now the device's own");
    assert_eq!(hsm.random(&mut out), limited(100_000_000));
    clock.pass(100_000_000);
    assert_eq!(hsm.random(&mut out), Ok(()));
    clock.pass(10_000_000_000);
    assert_eq!((seal(one), seal(one)), (Ok(()), Ok(())));
}

#[test]
fn a_batch_draws_for_each_of_its_messages_or_for_none() {
    let mut settings = settings(10);
    settings.slot = Limit { rate: 1, burst: 5 };
    let hsm = Hsm::create(ROOT, settings).unwrap();
    let slot = slot(&hsm);
    let mut out = [0; 1000];
    let mut batch = |count: usize| {
        hsm.encrypt_many(slot, b"", &vec![0; count], b"", 0, &mut out)
            .map(|_| ())
    };
    assert_eq!(
        batch(6),
        Err(Kind::InvalidLength.into()),
        "more than can ever pass at once"
    );
    assert_eq!(batch(3), Ok(()));
    assert_eq!(
        batch(3),
        Err(Kind::RateLimited {
            wait: 1_000_000_000
        }
        .into())
    );
    assert_eq!(batch(2), Ok(()), "the refusal took nothing");
}

#[test]
fn a_refused_reencryption_draws_nothing() {
    let mut limited = settings(11);
    limited.device = Limit { rate: 1, burst: 4 };
    let hsm = Hsm::create(ROOT, limited).unwrap();
    let (from, to) = (slot(&hsm), slot(&hsm));
    let body = encrypt(&hsm, from, b"x", b"").unwrap();
    hsm.limit(from, Limit { rate: 1, burst: 1 }).unwrap();
    hsm.limit(to, Limit { rate: 1, burst: 1 }).unwrap();
    encrypt(&hsm, to, b"x", b"").unwrap();
    let mut out = [0; 99];
    let (source, target) = (
        Sealed {
            slot: from,
            body: &body,
            aad: b"",
        },
        Target {
            slot: to,
            aad: b"",
            prefix: 0,
        },
    );
    let answer = hsm.reencrypt(source, target, &mut out);
    assert_eq!(
        answer,
        Err(Kind::RateLimited {
            wait: 1_000_000_000
        }
        .into())
    );
    // Two of the device's four are left, and the source's one.
    assert_eq!(decrypt(&hsm, from, &body, b"").unwrap(), b"x");
    assert_eq!(hsm.random(&mut out), Ok(()));
    assert!(hsm.random(&mut out).is_err());
}
