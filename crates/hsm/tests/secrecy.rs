//! Private keys are in protected pages, whatever is done with them: a process that used them is searched from end to end.
#![cfg(target_os = "linux")]

mod common;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

use common::{
    ROOT, Scripted,
    keys::{agree, decapsulate, encapsulate, raw, sealings, sign, signings},
};
use hsm::{Hsm, Memory, Settings, Spec, SystemEntropy, Usages};

/// So masked, a needle is not itself something to be found.
const MASK: u8 = 0xa5;

/// Thirty-two bytes of a secret, in either order: numbers are kept from their low end on.
struct Needle {
    name: String,
    masked: [Vec<u8>; 2],
    found: bool,
}

impl Needle {
    fn new(name: String, secret: &[u8]) -> Self {
        let masked: Vec<u8> = secret[..32].iter().map(|byte| byte ^ MASK).collect();
        let reversed = masked.iter().rev().copied().collect();
        Self {
            name,
            masked: [masked, reversed],
            found: false,
        }
    }

    fn look(&mut self, hay: &[u8]) {
        self.found |= self.masked.iter().any(|needle| {
            hay.windows(needle.len()).any(|window| {
                window[0] == needle[0] ^ MASK
                    && window.iter().zip(needle).all(|(a, b)| *a == b ^ MASK)
            })
        });
    }
}

/// What follows a DER header, and what follows that.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (header, length) = match der[1] {
        0x82 => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
        0x81 => (3, usize::from(der[2])),
        short => (2, usize::from(short)),
    };
    der[header..].split_at(length)
}

/// The heart of a private key's PKCS#8: a prime, a scalar or a seed.
fn heart<'d>(spec: &Spec, der: &'d [u8]) -> &'d [u8] {
    // Behind the version and the algorithm stands an OCTET STRING.
    let (_, rest) = element(element(der).0);
    let (key, _) = element(element(rest).1);
    match spec.name {
        // RSAPrivateKey: version, modulus, two exponents, then the first prime; behind its sign.
        name if name.starts_with("RSA") => {
            let integers = element(key).0;
            let rest = (0..4).fold(integers, |rest, _| element(rest).1);
            &element(rest).0[1..]
        }
        // ECPrivateKey: version, scalar. A scalar of P-521 begins with seven bits that are always zero.
        name if name.starts_with("ECC") || name == "SM2" => {
            let scalar = element(element(element(key).0).1).0;
            &scalar[scalar.len() - 32..]
        }
        _ => element(key).0,
    }
}

fn search(needles: &mut [Needle]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let (mut bytes, mut chunk) = (0, vec![0; 1 << 20]);
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        if !rights.starts_with('r') || line.contains("[v") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let [mut at, end] = [from, to].map(|number| u64::from_str_radix(number, 16).unwrap());
        while at < end {
            let wanted = usize::try_from(end - at).unwrap().min(chunk.len());
            // The kernel refuses protected pages, even to their own process.
            let Ok(read @ 1..) = memory.read_at(&mut chunk[..wanted], at) else {
                break;
            };
            for needle in &mut *needles {
                needle.look(&chunk[..read]);
            }
            bytes += read;
            // Chunks overlap, lest a needle lie across two.
            at += read as u64
                - if read > 64 && at + (read as u64) < end {
                    64
                } else {
                    0
                };
        }
    }
    chunk.fill(0);
    bytes
}

#[test]
fn a_used_private_key_is_found_nowhere() {
    let hsm = Hsm::create(ROOT, Settings::new(Scripted::default(), SystemEntropy)).unwrap();
    let aes = hsm
        .load(&hsm.generate("AES_256", Usages::ENCRYPT).unwrap())
        .unwrap();
    let mut needles = Vec::new();
    for spec in Spec::all() {
        let Ok(mut pair) = hsm.data_key_pair(aes, spec.name, b"", 0) else {
            continue;
        };
        needles.push(Needle::new(
            spec.name.into(),
            heart(spec, &pair.private_key),
        ));
        let token = hsm
            .import(spec.name, spec.usages, &mut pair.private_key)
            .unwrap();
        let slot = hsm.load(&token).unwrap();
        for _ in 0..3 {
            for scheme in signings(spec) {
                let signature = sign(&hsm, slot, scheme, &raw(b"x")).unwrap();
                assert_eq!(hsm.verify(slot, scheme, &raw(b"x"), &signature), Ok(true));
            }
            for scheme in sealings(spec) {
                let sealed = hsm.encrypt_to(slot, scheme, b"x").unwrap();
                assert_eq!(&hsm.decrypt_from(slot, scheme, &sealed).unwrap()[..], b"x");
            }
            let _ = agree(&hsm, slot, &pair.public_key);
            if let Ok((secret, ciphertext)) = encapsulate(&hsm, slot) {
                assert_eq!(decapsulate(&hsm, slot, &ciphertext), Ok(secret));
            }
        }
    }
    assert_eq!(needles.len(), 15);
    // What must be found, lest the search be blind.
    let canary: Vec<u8> = (0..64u8).map(|byte| byte.wrapping_mul(73) ^ 0x1f).collect();
    needles.push(Needle::new("canary".into(), &canary));
    let bytes = search(&mut needles);
    drop(canary);
    let found: Vec<_> = needles
        .iter()
        .filter(|needle| needle.found)
        .map(|needle| &needle.name[..])
        .collect();
    match hsm.stats().memory {
        Memory::Secret => assert_eq!(found, ["canary"], "in {bytes} bytes"),
        // Then the kernel lets the search into the pages, and what it finds says nothing.
        Memory::Locked | Memory::Ordinary => assert!(found.contains(&"canary")),
    }
}
