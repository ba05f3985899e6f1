//! What does each verb cost, beside AWS-LC's bare seal with a key that is set up already?

use std::{hint::black_box, time::Duration};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hsm::{Clock, Hsm, Limit, RootSecret, Sealed, Settings, SystemEntropy, Target, Usages};

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }
}

const SIZES: [(&str, usize); 3] = [("32 B", 32), ("1 KiB", 1024), ("4 KiB", 4096)];
/// As long as a usual ciphertext header with a small encryption context.
const AAD: [u8; 75] = [0x61; 75];
const PREFIX: usize = 33;

fn device() -> Hsm {
    let mut settings = Settings::new(Still, SystemEntropy);
    settings.slots = 1024;
    Hsm::create(RootSecret::Key(&[7; 32]), settings).expect("a device")
}

fn messages(c: &mut Criterion) {
    let hsm = device();
    let all = Usages::ENCRYPT | Usages::DECRYPT | Usages::WRAP | Usages::UNWRAP;
    let token = hsm.generate("AES_256", all).expect("a token");
    let (slot, other) = (
        hsm.load(&token).expect("a slot"),
        hsm.load(&token).expect("a slot"),
    );
    let limited = hsm.load(&token).expect("a slot");
    hsm.limit(
        limited,
        Limit {
            rate: u32::MAX,
            burst: u32::MAX,
        },
    )
    .expect("a limit");

    for (name, size) in SIZES {
        let plaintext = vec![0x5a; size];
        let (mut out, mut again) = (vec![0; size + 128], vec![0; size + 128]);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(size as u64));

        let raw = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[9; 32]).expect("a key"));
        let mut counter = 0u64;
        let mut in_out = plaintext.clone();
        group.bench_function("raw seal, cached key", |b| {
            b.iter(|| {
                counter += 1;
                let mut nonce = [0; NONCE_LEN];
                nonce[4..].copy_from_slice(&counter.to_be_bytes());
                let nonce = Nonce::assume_unique_for_key(nonce);
                raw.seal_in_place_separate_tag(nonce, Aad::from(AAD), black_box(&mut in_out))
                    .expect("a tag")
            });
        });
        group.bench_function("encrypt", |b| {
            b.iter(|| {
                hsm.encrypt(slot, black_box(&plaintext), &AAD, PREFIX, &mut out)
                    .expect("sealed")
            });
        });
        // The clock stands still, and four billion calls are more than a bench makes.
        group.bench_function("encrypt, limited", |b| {
            b.iter(|| {
                hsm.encrypt(limited, black_box(&plaintext), &AAD, PREFIX, &mut out)
                    .expect("sealed")
            });
        });
        let length = hsm
            .encrypt(slot, &plaintext, &AAD, PREFIX, &mut out)
            .expect("sealed");
        let body = &out[PREFIX..length];
        group.bench_function("decrypt", |b| {
            b.iter(|| {
                hsm.decrypt(slot, black_box(body), &AAD, &mut again)
                    .expect("opened")
            });
        });
        group.bench_function("reencrypt", |b| {
            let (from, to) = (
                Sealed {
                    slot,
                    body,
                    aad: &AAD,
                },
                Target {
                    slot: other,
                    aad: &AAD,
                    prefix: PREFIX,
                },
            );
            b.iter(|| {
                hsm.reencrypt(black_box(from), to, &mut again)
                    .expect("sealed anew")
            });
        });
        let (packed, lengths) = (
            plaintext.repeat(64),
            [u32::try_from(size).expect("small"); 64],
        );
        let mut frames = vec![0; 64 * (size + 128)];
        group.throughput(Throughput::Elements(64));
        group.bench_function("encrypt many, 64", |b| {
            b.iter(|| {
                hsm.encrypt_many(
                    slot,
                    black_box(&packed),
                    &lengths,
                    &AAD,
                    PREFIX,
                    &mut frames,
                )
                .expect("sealed")
            });
        });
        group.finish();
    }
}

fn keys(c: &mut Criterion) {
    let hsm = device();
    let all = Usages::ENCRYPT | Usages::DECRYPT | Usages::WRAP | Usages::UNWRAP;
    let token = hsm.generate("AES_256", all).expect("a token");
    let slot = hsm.load(&token).expect("a slot");
    let mut out = [0; 1024];
    let mut plain = [0; 32];
    let wrapped = hsm.wrap(slot, &[3; 32], true).expect("wrapped");

    let mut group = c.benchmark_group("keys");
    group.bench_function("data key", |b| {
        b.iter(|| {
            hsm.data_key(slot, &mut plain, &AAD, PREFIX, &mut out)
                .expect("a key")
        });
    });
    group.bench_function("data key, sealed only", |b| {
        b.iter(|| {
            hsm.data_key_sealed(slot, 32, &AAD, PREFIX, &mut out)
                .expect("a key")
        });
    });
    group.bench_function("wrap 32 B", |b| {
        b.iter(|| hsm.wrap(slot, black_box(&[3; 32]), true).expect("wrapped"));
    });
    group.bench_function("unwrap 32 B", |b| {
        b.iter(|| hsm.unwrap(slot, black_box(&wrapped), true).expect("a key"));
    });
    group.bench_function("random 32 B", |b| {
        b.iter(|| hsm.random(black_box(&mut plain)).expect("bytes"));
    });
    group.bench_function("random 1 KiB", |b| {
        b.iter(|| hsm.random(black_box(&mut out)).expect("bytes"));
    });
    group.bench_function("generate", |b| {
        b.iter(|| hsm.generate("AES_256", all).expect("a token"));
    });
    // The table is full after a moment, so this is a load with an eviction.
    group.bench_function("load, evicting", |b| {
        b.iter(|| hsm.load(black_box(&token)).expect("a slot"));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = messages, keys
}
criterion_main!(benches);
