//! Whatever bytes come in as a private key, a public key, a signature, a ciphertext or a MAC: no panic, no memory touched that
//! is not theirs, and nothing changed is taken for what it was.
#![no_main]

use std::sync::LazyLock;

use hsm::{Clock, Form, Hash, Hsm, Kind, Message, RootSecret, Sealing, SeededEntropy, Settings, Signing, Slot, Usages};
use libfuzzer_sys::fuzz_target;

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }
}

const TEXT: &[u8] = b"attack at dawn";
const SPECS: [(&str, Option<Signing>, Option<Sealing>); 9] = [
    ("RSA_2048", Some(Signing::Pss(Hash::Sha256)), Some(Sealing::Oaep(Hash::Sha256))),
    ("ECC_P256", Some(Signing::Ecdsa), None),
    ("ECC_P384", Some(Signing::Ecdsa), None),
    ("ECC_P521", Some(Signing::Ecdsa), None),
    ("ECC_K256", Some(Signing::Ecdsa), None),
    ("ED25519", Some(Signing::Ed25519ph), None),
    ("ML_DSA_44", Some(Signing::MlDsa), None),
    ("ML_KEM_512", None, None),
    ("SM2", Some(Signing::Sm2), Some(Sealing::Sm2)),
];

/// One pair of each kind, and what it has made.
struct Pair {
    spec: &'static str,
    usages: Usages,
    slot: Slot,
    public: Vec<u8>,
    private: Vec<u8>,
    signature: Option<(Signing, Vec<u8>)>,
    sealed: Option<(Sealing, Vec<u8>)>,
}

struct Scene {
    hsm: Hsm,
    pairs: Vec<Pair>,
}

fn raw(bytes: &[u8]) -> Message<'_> {
    Message { form: Form::Raw, bytes }
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let hsm = Hsm::create(RootSecret::Key(&[7; 32]), Settings::new(Still, SeededEntropy::new(1))).expect("a device");
    let aes = hsm.load(&hsm.generate("AES_256", Usages::ENCRYPT).expect("a token")).expect("a slot");
    let pair = |(spec, signing, sealing): (&'static str, Option<Signing>, Option<Sealing>)| {
        let made = hsm.data_key_pair(aes, spec, b"", 0).expect("a pair");
        let usages = hsm::Spec::named(spec).expect("a spec").usages;
        let token = hsm.import(spec, usages, &mut made.private_key.to_vec()).expect("a token");
        let slot = hsm.load(&token).expect("a slot");
        let signature = signing.map(|scheme| {
            let mut out = vec![0; Signing::MOST_SIGNATURE];
            let length = hsm.sign(slot, scheme, &raw(TEXT), &mut out).expect("a signature");
            out.truncate(length);
            (scheme, out)
        });
        let sealed = sealing.map(|scheme| (scheme, hsm.encrypt_to(slot, scheme, TEXT).expect("a ciphertext")));
        let private = made.private_key.to_vec();
        Pair { spec, usages, slot, public: made.public_key, private, signature, sealed }
    };
    let pairs = SPECS.into_iter().map(pair).collect();
    Scene { hsm, pairs }
});

/// The genuine bytes with the fuzzer's laid over them, from somewhere on.
fn over(genuine: &[u8], at: u8, data: &[u8]) -> Vec<u8> {
    let mut changed = genuine.to_vec();
    let at = usize::from(at) * genuine.len() / 256;
    changed[at..].iter_mut().zip(data).for_each(|(byte, change)| *byte ^= change);
    changed
}

fuzz_target!(|data: &[u8]| {
    let Scene { hsm, pairs } = &*SCENE;
    let &[form, which, at, ref data @ ..] = data else { return };
    let pair = &pairs[usize::from(which) % pairs.len()];
    let from = |genuine: &[u8]| if form & 1 == 0 { data.to_vec() } else { over(genuine, at, data) };
    let mut out = vec![0; 2000];
    match form >> 1 {
        0 => {
            // What is taken in as a key is one, and works.
            let mut candidate = from(&pair.private);
            if let Ok(token) = hsm.import(pair.spec, pair.usages, &mut candidate) {
                let slot = hsm.load(&token).expect("it was taken in");
                if let Some((scheme, _)) = pair.signature {
                    let mut out = vec![0; Signing::MOST_SIGNATURE];
                    let length = hsm.sign(slot, scheme, &raw(TEXT), &mut out).expect("a signature");
                    assert_eq!(hsm.verify(slot, scheme, &raw(TEXT), &out[..length]), Ok(true));
                }
                hsm.unload(slot).expect("it was just loaded");
            }
        }
        1 => {
            let candidate = from(&pair.public);
            if let Err(error) = hsm.agree(pair.slot, &candidate, &mut out) {
                assert!(matches!(error.kind(), Kind::InvalidPublicKey | Kind::UsageNotPermitted));
            }
        }
        2 => {
            if let Some((scheme, signature)) = &pair.signature {
                let candidate = from(signature);
                let right = hsm.verify(pair.slot, *scheme, &raw(TEXT), &candidate);
                assert_eq!(right, Ok(candidate == *signature));
            }
        }
        3 => {
            if let Some((scheme, sealed)) = &pair.sealed {
                let candidate = from(sealed);
                match hsm.decrypt_from(pair.slot, *scheme, &candidate) {
                    Ok(opened) => assert!(candidate == *sealed && &opened[..] == TEXT),
                    Err(error) => assert_eq!(error.kind(), Kind::DecryptionFailed),
                }
            }
        }
        4 => {
            let _ = hsm.decapsulate(pair.slot, data, &mut out);
        }
        _ => {
            // Any bytes under any scheme in any form.
            let (scheme, form) = (Signing::numbered((which % 13).into()), Form::numbered((at % 4).into()));
            if let (Ok(scheme), Ok(form)) = (scheme, form) {
                let message = Message { form, bytes: data };
                let mut out = vec![0; Signing::MOST_SIGNATURE];
                if let Ok(length) = hsm.sign(pair.slot, scheme, &message, &mut out) {
                    assert_eq!(hsm.verify(pair.slot, scheme, &message, &out[..length]), Ok(true));
                }
            }
        }
    }
});
