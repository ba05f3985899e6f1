//! The cipher of encrypted volumes: AES-256-XTS (IEEE Std 1619, NIST SP 800-38E) over sectors of 4096 bytes, in place. A
//! sector's tweak is its number in little-endian order, as the standard has it, so that a volume written here can be read
//! by whatever else speaks XTS. It opens no file: where sectors lie is the caller's business.

mod sys;

use std::fmt;

use zeroize::Zeroize;

use sys::{Cipher, Direction};

/// Bytes of a sector, the unit that is encrypted at once.
pub const SECTOR: usize = 4096;
/// Bytes of a key: one half for the data, the other for the tweaks.
pub const KEY: usize = 64;

/// What kept sectors from being encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A key whose halves are equal, with which XTS is not secure.
    WeakKey,
    /// A length that is no whole number of sectors, or sectors past the last number there is.
    Sectors,
    /// The cipher could not be set up, for want of memory.
    Unavailable,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WeakKey => "the halves of the key are equal",
            Self::Sectors => "not a whole number of sectors",
            Self::Unavailable => "the cipher is not available",
        })
    }
}

impl std::error::Error for Error {}

/// A volume's key, ready for use; its schedules are wiped when it goes.
///
/// ```
/// # fn main() -> Result<(), disk::Error> {
/// let mut key: [u8; 64] = std::array::from_fn(|at| at as u8);
/// let mut xts = disk::Xts::new(&mut key)?;
/// assert_eq!(key, [0; 64]);
///
/// let mut sectors = vec![7; 2 * disk::SECTOR];
/// xts.encrypt(40, &mut sectors)?;
/// assert_ne!(sectors[..disk::SECTOR], sectors[disk::SECTOR..]);
/// xts.decrypt(41, &mut sectors[disk::SECTOR..])?;
/// assert_eq!(sectors[disk::SECTOR..], [7; disk::SECTOR]);
/// # Ok(())
/// # }
/// ```
pub struct Xts {
    encrypting: Cipher,
    decrypting: Cipher,
}

impl Xts {
    /// Takes the key over: it is wiped, whatever comes of it.
    pub fn new(key: &mut [u8; KEY]) -> Result<Self, Error> {
        let made = Self::of(key);
        key.zeroize();
        made
    }

    /// Encrypts whole sectors in place, the first of which is number `first` of the volume.
    pub fn encrypt(&mut self, first: u64, sectors: &mut [u8]) -> Result<(), Error> {
        each(&mut self.encrypting, first, sectors)
    }

    /// Decrypts whole sectors in place. Nothing tells whether they were encrypted under this key: XTS has no tag.
    pub fn decrypt(&mut self, first: u64, sectors: &mut [u8]) -> Result<(), Error> {
        each(&mut self.decrypting, first, sectors)
    }

    fn of(key: &[u8; KEY]) -> Result<Self, Error> {
        let (data, tweak) = key.split_at(KEY / 2);
        let difference = data.iter().zip(tweak).fold(0, |sum, (a, b)| sum | (a ^ b));
        if difference == 0 {
            return Err(Error::WeakKey);
        }
        let cipher = |direction| Cipher::new(direction, key).ok_or(Error::Unavailable);
        Ok(Self {
            encrypting: cipher(Direction::Encrypt)?,
            decrypting: cipher(Direction::Decrypt)?,
        })
    }
}

fn each(cipher: &mut Cipher, first: u64, sectors: &mut [u8]) -> Result<(), Error> {
    let count = (sectors.len() / SECTOR) as u64;
    if !sectors.len().is_multiple_of(SECTOR) || first.checked_add(count).is_none() {
        return Err(Error::Sectors);
    }
    for (number, sector) in (first..).zip(sectors.chunks_exact_mut(SECTOR)) {
        if !cipher.run(u128::from(number).to_le_bytes(), sector) {
            return Err(Error::Unavailable);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
