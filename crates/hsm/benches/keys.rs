//! What does a key pair or a MAC key cost in the device, beside the same call of AWS-LC with a key at hand?

use std::{hint::black_box, time::Duration};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
        UnparsedPublicKey,
    },
};
use criterion::{Criterion, criterion_group, criterion_main};
use hsm::{
    Clock, Form, Hash, Hsm, Message, RootSecret, Settings, Signing, Slot, SystemEntropy, Usages,
};

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }
}

const TEXT: Message = Message {
    form: Form::Raw,
    bytes: &[0x61; 256],
};

fn device() -> Hsm {
    let mut settings = Settings::new(Still, SystemEntropy);
    settings.slots = 64;
    Hsm::create(RootSecret::Key(&[7; 32]), settings).expect("a device")
}

fn slot(hsm: &Hsm, spec: &str, usages: Usages) -> Slot {
    let token = hsm.generate(spec, usages).expect("a token");
    hsm.load(&token).expect("a slot")
}

fn signatures(c: &mut Criterion) {
    let hsm = device();
    let chance = SystemRandom::new();
    let mut out = [0; Signing::MOST_SIGNATURE];

    let mut sign = c.benchmark_group("sign");
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    sign.bench_function("RSA 2048, raw", |b| {
        b.iter(|| rsa.sign(&RSA_PKCS1_SHA256, &chance, TEXT.bytes, &mut out[..256]));
    });
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
    sign.bench_function("P-256, raw", |b| b.iter(|| p256.sign(&chance, TEXT.bytes)));
    let ed25519 = Ed25519KeyPair::generate().expect("a key");
    sign.bench_function("Ed25519, raw", |b| b.iter(|| ed25519.sign(TEXT.bytes)));
    let mldsa = PqdsaKeyPair::generate(&ML_DSA_65_SIGNING).expect("a key");
    sign.bench_function("ML-DSA-65, raw", |b| {
        b.iter(|| mldsa.sign(TEXT.bytes, &mut out).expect("signed"));
    });
    let cases = [
        ("RSA_2048", Signing::Pkcs1(Hash::Sha256)),
        ("RSA_3072", Signing::Pkcs1(Hash::Sha256)),
        ("RSA_4096", Signing::Pkcs1(Hash::Sha256)),
        ("ECC_P256", Signing::Ecdsa),
        ("ECC_P384", Signing::Ecdsa),
        ("ECC_P521", Signing::Ecdsa),
        ("ECC_K256", Signing::Ecdsa),
        ("ED25519", Signing::Ed25519),
        ("ML_DSA_44", Signing::MlDsa),
        ("ML_DSA_65", Signing::MlDsa),
        ("ML_DSA_87", Signing::MlDsa),
        ("SM2", Signing::Sm2),
    ];
    let slots = cases.map(|(spec, _)| slot(&hsm, spec, Usages::SIGN | Usages::VERIFY));
    for ((spec, scheme), slot) in cases.into_iter().zip(slots) {
        sign.bench_function(spec, |b| {
            b.iter(|| {
                hsm.sign(slot, scheme, black_box(&TEXT), &mut out)
                    .expect("signed")
            });
        });
    }
    sign.finish();

    let mut verify = c.benchmark_group("verify");
    rsa.sign(&RSA_PKCS1_SHA256, &chance, TEXT.bytes, &mut out[..256])
        .expect("signed");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa.public_key())
        .parse()
        .expect("a public key");
    verify.bench_function("RSA 2048, raw", |b| {
        b.iter(|| public.verify_sig(black_box(TEXT.bytes), &out[..256]));
    });
    let signature = p256.sign(&chance, TEXT.bytes).expect("signed");
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, p256.public_key())
        .parse()
        .expect("a public key");
    verify.bench_function("P-256, raw", |b| {
        b.iter(|| public.verify_sig(black_box(TEXT.bytes), signature.as_ref()));
    });
    for ((spec, scheme), slot) in cases.into_iter().zip(slots) {
        let length = hsm.sign(slot, scheme, &TEXT, &mut out).expect("signed");
        verify.bench_function(spec, |b| {
            b.iter(|| hsm.verify(slot, scheme, black_box(&TEXT), &out[..length]));
        });
    }
    verify.finish();
}

fn macs(c: &mut Criterion) {
    let hsm = device();
    let slot = slot(&hsm, "HMAC_256", Usages::MAC);
    let raw = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let mut out = [0; 32];
    let mut group = c.benchmark_group("mac");
    for (name, size) in [("32 B", 32), ("1 KiB", 1024), ("4 KiB", 4096)] {
        let message = vec![0x61; size];
        group.bench_function(format!("HMAC-SHA-256 {name}, raw"), |b| {
            b.iter(|| hmac::sign(&raw, black_box(&message)));
        });
        group.bench_function(format!("HMAC_256 {name}"), |b| {
            b.iter(|| hsm.mac(slot, black_box(&message), &mut out).expect("a MAC"));
        });
    }
    group.finish();
}

fn keys(c: &mut Criterion) {
    let hsm = device();
    let mut load = c.benchmark_group("load");
    // The table is full after a moment, so each is a load with an eviction.
    for spec in [
        "RSA_2048",
        "RSA_4096",
        "ECC_P256",
        "ED25519",
        "ML_DSA_65",
        "HMAC_256",
        "SM2",
    ] {
        let usages = if spec == "HMAC_256" {
            Usages::MAC
        } else {
            Usages::SIGN
        };
        let token = hsm.generate(spec, usages).expect("a token");
        load.bench_function(spec, |b| {
            b.iter(|| hsm.load(black_box(&token)).expect("a slot"));
        });
    }
    load.finish();

    let mut exchange = c.benchmark_group("exchange");
    let mut out = [0; 2000];
    let pair = hsm.make("ECC_P256", Usages::AGREE).expect("a pair");
    let slot_p256 = hsm.load(&pair.token).expect("a slot");
    let peer = pair.public_key.expect("a public half");
    exchange.bench_function("agree, ECC_P256", |b| {
        b.iter(|| {
            hsm.agree(slot_p256, black_box(&peer), &mut out)
                .expect("a secret")
        });
    });
    let kem = slot(
        &hsm,
        "ML_KEM_768",
        Usages::ENCAPSULATE | Usages::DECAPSULATE,
    );
    let mut secret = [0; 32];
    exchange.bench_function("encapsulate, ML_KEM_768", |b| {
        b.iter(|| {
            hsm.encapsulate(kem, &mut secret, &mut out)
                .expect("a secret")
        });
    });
    let length = hsm
        .encapsulate(kem, &mut secret, &mut out)
        .expect("a secret");
    exchange.bench_function("decapsulate, ML_KEM_768", |b| {
        b.iter(|| {
            hsm.decapsulate(kem, black_box(&out[..length]), &mut secret)
                .expect("a secret")
        });
    });
    exchange.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = signatures, macs, keys
}
criterion_main!(benches);
