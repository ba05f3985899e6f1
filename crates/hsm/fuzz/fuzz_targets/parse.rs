//! Whatever bytes come in as a token, a ciphertext or a sealed domain: no panic, no memory touched that is not theirs, and
//! no acceptance but of what the device made.
#![no_main]

use std::sync::LazyLock;

use hsm::{Clock, Hsm, Kind, RootSecret, Sealed, SeededEntropy, Settings, Slot, Target, Usages};
use libfuzzer_sys::fuzz_target;

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }
}

const ROOT: RootSecret = RootSecret::Key(&[7; 32]);
const AAD: &[u8] = b"header and context";
const PREFIX: usize = 6;

/// One device, and one genuine thing of each kind to be changed by the fuzzer.
struct Scene {
    hsm: Hsm,
    slot: Slot,
    token: Vec<u8>,
    body: Vec<u8>,
    wrapped: Vec<u8>,
}

fn settings() -> Settings {
    let mut settings = Settings::new(Still, SeededEntropy::new(1));
    settings.slots = 4;
    settings
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let hsm = Hsm::create(ROOT, settings()).expect("a device");
    let all = Usages::ENCRYPT | Usages::DECRYPT | Usages::WRAP | Usages::UNWRAP;
    let token = hsm.generate("AES_256", all).expect("a token");
    let slot = hsm.load(&token).expect("a slot");
    let mut body = vec![0; 100];
    hsm.encrypt(slot, &[5; 56], AAD, 0, &mut body).expect("a ciphertext");
    let wrapped = hsm.wrap(slot, &[6; 29], true).expect("a wrapped key");
    Scene { hsm, slot, token, body, wrapped }
});

/// The genuine bytes with the fuzzer's laid over them: so it also reaches what stands behind the first check.
fn over(genuine: &[u8], data: &[u8]) -> Vec<u8> {
    let mut changed = genuine.to_vec();
    changed.iter_mut().zip(data).for_each(|(byte, change)| *byte ^= change);
    changed
}

fuzz_target!(|data: &[u8]| {
    let Scene { hsm, slot, token, body, wrapped } = &*SCENE;
    let Some((&form, data)) = data.split_first() else { return };
    let from = |genuine: &[u8]| if form & 1 == 0 { data.to_vec() } else { over(genuine, data) };
    let mut out = vec![0; 2 * data.len() + 300];
    match form >> 1 {
        0 => {
            let candidate = from(token);
            let described = hsm.describe(&candidate);
            let loaded = hsm.load(&candidate);
            assert_eq!(described.is_ok(), candidate == *token);
            match loaded {
                Ok(loaded) => hsm.unload(loaded).expect("it was just loaded"),
                Err(error) => assert_eq!(error.kind(), Kind::InvalidToken),
            }
        }
        1 => {
            let candidate = from(body);
            let opened = hsm.decrypt(*slot, &candidate, AAD, &mut out);
            assert_eq!(opened.is_ok(), candidate == *body);
        }
        2 => {
            let candidate = from(body);
            let source = Sealed { slot: *slot, body: &candidate, aad: AAD };
            let target = Target { slot: *slot, aad: AAD, prefix: PREFIX };
            assert_eq!(hsm.reencrypt(source, target, &mut out).is_ok(), candidate == *body);
        }
        3 => {
            let candidate = from(wrapped);
            let opened = hsm.unwrap(*slot, &candidate, true);
            assert_eq!(opened.is_ok(), candidate == *wrapped);
            let _ = hsm.unwrap(*slot, &candidate, false);
        }
        4 => {
            let candidate = from(hsm.sealed_domain());
            let opened = Hsm::open(ROOT, &candidate, settings());
            assert_eq!(opened.is_ok(), candidate == hsm.sealed_domain());
        }
        _ => {
            // Frames in a batch: the lengths are the fuzzer's, too.
            let (lengths, packed) = data.split_at(data.len().min(16));
            let lengths: Vec<u32> = lengths.chunks(2).map(|pair| pair.iter().map(|byte| u32::from(*byte)).sum()).collect();
            let body_at = usize::from(form >> 4);
            let _ = hsm.decrypt_many(*slot, packed, &lengths, body_at, AAD, &mut out);
            let _ = hsm.encrypt_many(*slot, packed, &lengths, AAD, body_at, &mut out);
        }
    }
});
