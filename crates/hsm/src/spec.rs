//! What kinds of key the device makes: one row each.

use crate::{
    ecc, edwards,
    error::{Kind, Result},
    family::Family,
    hash::Hash,
    key::KEY,
    mac::Hmac,
    mldsa, mlkem,
    rsa::Rsa,
    sm2,
    symmetric::Aes,
};

/// A kind of key.
#[derive(Debug)]
pub struct Spec {
    /// Its name at every door.
    pub name: &'static str,
    /// Its number in tokens; never used again for anything else.
    pub number: u16,
    /// What keys of this kind can be made for.
    pub usages: Usages,
    /// The length in bytes of the secret that tokens carry.
    pub length: usize,
    pub(crate) family: &'static dyn Family,
}

const fn row(
    number: u16,
    name: &'static str,
    usages: Usages,
    length: usize,
    family: &'static dyn Family,
) -> Spec {
    Spec {
        name,
        number,
        usages,
        length,
        family,
    }
}

const SEAL: Usages = Usages::ENCRYPT.and(Usages::DECRYPT);
const WRAP: Usages = Usages::WRAP.and(Usages::UNWRAP);
const SIGN: Usages = Usages::SIGN.and(Usages::VERIFY);
const KEM: Usages = Usages::ENCAPSULATE.and(Usages::DECAPSULATE);

const fn rsa(number: u16, name: &'static str, family: &'static Rsa) -> Spec {
    row(number, name, SEAL.and(SIGN), family.length(), family)
}

static SPECS: [Spec; 20] = [
    row(1, "AES_256", SEAL.and(WRAP), KEY, &Aes),
    rsa(2, "RSA_2048", &Rsa(2048)),
    rsa(3, "RSA_3072", &Rsa(3072)),
    rsa(4, "RSA_4096", &Rsa(4096)),
    row(5, "ECC_P256", SIGN.and(Usages::AGREE), 32, &ecc::P256),
    row(6, "ECC_P384", SIGN.and(Usages::AGREE), 48, &ecc::P384),
    row(7, "ECC_P521", SIGN.and(Usages::AGREE), 66, &ecc::P521),
    row(8, "ECC_K256", SIGN, 32, &ecc::K256),
    row(9, "ED25519", SIGN, 32, &edwards::Ed25519),
    row(10, "HMAC_224", Usages::MAC, 28, &Hmac(Hash::Sha224)),
    row(11, "HMAC_256", Usages::MAC, 32, &Hmac(Hash::Sha256)),
    row(12, "HMAC_384", Usages::MAC, 48, &Hmac(Hash::Sha384)),
    row(13, "HMAC_512", Usages::MAC, 64, &Hmac(Hash::Sha512)),
    row(14, "ML_DSA_44", SIGN, 32, &mldsa::MLDSA44),
    row(15, "ML_DSA_65", SIGN, 32, &mldsa::MLDSA65),
    row(16, "ML_DSA_87", SIGN, 32, &mldsa::MLDSA87),
    row(17, "ML_KEM_512", KEM, 64, &mlkem::MLKEM512),
    row(18, "ML_KEM_768", KEM, 64, &mlkem::MLKEM768),
    row(19, "ML_KEM_1024", KEM, 64, &mlkem::MLKEM1024),
    row(20, "SM2", SEAL.and(SIGN).and(Usages::AGREE), 32, &sm2::Sm2),
];

impl Spec {
    /// Every kind there is.
    pub fn all() -> &'static [Self] {
        &SPECS
    }

    /// By its name.
    pub fn named(name: &str) -> Result<&'static Self> {
        SPECS
            .iter()
            .find(|spec| spec.name == name)
            .ok_or(Kind::UnknownSpec.into())
    }

    pub(crate) fn numbered(number: u16) -> Option<&'static Self> {
        SPECS.iter().find(|spec| spec.number == number)
    }

    /// A key needs one usage at least, and none that its kind does not have.
    pub(crate) fn permits(&self, usages: Usages) -> bool {
        usages != Usages::NONE && self.usages.contains(usages)
    }
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Spec {}

/// What a key was made for: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usages(u16);

impl Usages {
    /// Nothing, as of a key that is not there.
    pub(crate) const NONE: Self = Self(0);
    /// Sealing messages, or encrypting to a pair.
    pub const ENCRYPT: Self = Self(1);
    /// Opening messages.
    pub const DECRYPT: Self = Self(2);
    /// Wrapping other keys.
    pub const WRAP: Self = Self(4);
    /// Unwrapping other keys.
    pub const UNWRAP: Self = Self(8);
    /// Signing.
    pub const SIGN: Self = Self(16);
    /// Verifying signatures.
    pub const VERIFY: Self = Self(32);
    /// Making and checking MACs.
    pub const MAC: Self = Self(64);
    /// Agreeing on a secret with the owner of a public key.
    pub const AGREE: Self = Self(128);
    /// Making a secret for the owner of the key.
    pub const ENCAPSULATE: Self = Self(256);
    /// Taking out such a secret.
    pub const DECAPSULATE: Self = Self(512);

    /// The set of these bits, known or not; a spec decides which of them it permits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// As it is written in tokens.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This and that.
    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOr for Usages {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}
