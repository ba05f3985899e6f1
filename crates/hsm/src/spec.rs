//! What kinds of key the device makes: one row each.

use crate::{
    error::{Kind, Result},
    key::KEY,
};

/// A kind of key.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name at every door.
    pub name: &'static str,
    /// Its number in tokens; never used again for anything else.
    pub number: u16,
    /// What keys of this kind can be made for.
    pub usages: Usages,
    /// The secret's length in bytes.
    pub length: usize,
}

static SPECS: &[Spec] = &[Spec {
    name: "AES_256",
    number: 1,
    usages: Usages(Usages::ENCRYPT.0 | Usages::DECRYPT.0 | Usages::WRAP.0 | Usages::UNWRAP.0),
    length: KEY,
}];

impl Spec {
    /// Every kind there is.
    pub fn all() -> &'static [Self] {
        SPECS
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

/// What a key was made for: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usages(u16);

impl Usages {
    /// Nothing, as of a key that is not there.
    pub(crate) const NONE: Self = Self(0);
    /// Sealing messages.
    pub const ENCRYPT: Self = Self(1);
    /// Opening messages.
    pub const DECRYPT: Self = Self(2);
    /// Wrapping other keys.
    pub const WRAP: Self = Self(4);
    /// Unwrapping other keys.
    pub const UNWRAP: Self = Self(8);

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
}

impl std::ops::BitOr for Usages {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
