//! Veils: what secrets in rows are covered with, so that they can be destroyed in copies that nobody can reach.
//!
//! A veil is 32 random bytes in a file beside the database. It covers one value, and is overwritten in its place when
//! that value is gone: then an old copy of the database, a page that was freed or a log that was kept say nothing any
//! more. Veils are made ahead, many at a time, so that a commit need not wait for a second file. In the database stands
//! `number(8) | tag(16) | value`, the value covered by a keystream of the veil; row and table enter into both, so that
//! a number which an older copy of the database makes us use twice gives another keystream.

use std::fs::{File, remove_file, rename};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};
use crate::files::{beside, private, sync_directory};
use crate::mac::{About, Mac, Macs};
use crate::table::{Row, Table};
use crate::value::Value;

const VEIL: usize = 32;
/// The MAC in front says whose veils these are; a veil never lies across two sectors.
const HEADER: u64 = 64;
/// How many veils are made at a time.
const AHEAD: usize = 1024;
const NUMBER: usize = 8;
const TAG: usize = 16;
const FRONT: usize = NUMBER + TAG;

type Veil = Zeroizing<[u8; VEIL]>;

pub struct Veils {
    path: PathBuf,
    macs: Arc<Macs>,
    /// Not there before the first secret is.
    file: OnceLock<File>,
    /// How many veils the file holds, torn ones too.
    made: AtomicU64,
}

impl Veils {
    /// The veils of a store that has used the first `used` of them.
    pub fn open(path: PathBuf, macs: Arc<Macs>, used: i64) -> Result<Self> {
        let veils = Self {
            path,
            macs,
            file: OnceLock::new(),
            made: AtomicU64::new(0),
        };
        let file = match private().read(true).write(true).open(&veils.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound && used == 0 => return Ok(veils),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing()),
            Err(error) => return Err(error.into()),
        };
        let mut mac: Mac = [0; 32];
        let length = file.metadata()?.len();
        let whole = length >= HEADER && {
            file.read_exact_at(&mut mac, 0)?;
            veils.macs.verify(About::Veils, &[], &mac)
        };
        if !whole {
            return Err(Error::damaged("the veils are not those of this store"));
        }
        let made = (length - HEADER) / VEIL as u64;
        if made < number(used)? {
            return Err(missing());
        }
        veils.made.store(made, Ordering::Relaxed);
        let _ = veils.file.set(file);
        Ok(veils)
    }

    /// The row that is stored for `values`: a secret that `before` has, too, keeps its veil, any other gets a new one.
    pub fn cover(
        &self,
        table: &Table,
        values: &[Value],
        before: Option<&Row>,
        next: &mut i64,
    ) -> Result<Vec<Value>> {
        let mut covered = values.to_vec();
        for &at in &table.veiled {
            let Value::Blob(secret) = &values[at] else {
                continue;
            };
            let place = table.place(values, at);
            let old = before.map(|row| &row.values[at]);
            let kept = match old {
                Some(Value::Blob(old)) => self.lift(&place, old)?.is_some_and(|was| was == *secret),
                _ => false,
            };
            covered[at] = match old {
                Some(old) if kept => old.clone(),
                _ => Value::Blob(self.draw(&place, secret, next)?),
            };
        }
        Ok(covered)
    }

    /// The row that was stored as `row`. What lay under a torn veil is nothing.
    pub fn uncover(&self, table: &Table, mut row: Row) -> Result<Row> {
        for &at in &table.veiled {
            if let Value::Blob(covered) = &row.values[at] {
                let place = table.place(&row.values, at);
                row.values[at] = self.lift(&place, covered)?.map_or(Value::Null, Value::Blob);
            }
        }
        Ok(row)
    }

    /// Destroys what lies under these veils, wherever it lies, for good.
    pub fn tear(&self, numbers: impl IntoIterator<Item = u64>) -> Result<()> {
        let mut torn = false;
        for number in numbers {
            self.file()?
                .write_all_at(&[0; VEIL], HEADER + number * VEIL as u64)?;
            torn = true;
        }
        if torn {
            self.file()?.sync_data()?;
        }
        Ok(())
    }

    /// Tears what covers nothing any more among the first `worn.len()`, as after a crash between a commit and its tearing.
    pub fn tear_unless(&self, worn: &[bool]) -> Result<()> {
        let mut loose = Vec::new();
        for (number, worn) in (0..).zip(worn) {
            if !worn && !is_torn(&*self.read(number)?) {
                loose.push(number);
            }
        }
        self.tear(loose)
    }

    /// Covers a secret with a veil that was never used, durable before anything refers to it.
    fn draw(&self, place: &[u8], secret: &[u8], next: &mut i64) -> Result<Vec<u8>> {
        loop {
            let number = number(*next)?;
            if number >= self.made.load(Ordering::Relaxed) {
                self.make()?;
            }
            let veil = self.read(number)?;
            *next += 1;
            // In an older copy of the database, a number that was used and torn may seem new.
            if is_torn(&veil) {
                continue;
            }
            let mut covered = Vec::with_capacity(FRONT + secret.len());
            covered.extend(number.to_le_bytes());
            covered.extend(tag(&veil, place, secret));
            covered.extend(secret);
            mask(&veil, place, &mut covered[FRONT..]);
            return Ok(covered);
        }
    }

    /// What lies under the veil of `covered`; none when that was torn.
    fn lift(&self, place: &[u8], covered: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some((number, rest)) = covered.split_first_chunk::<NUMBER>() else {
            return Err(Error::damaged("a secret of the database is too short"));
        };
        let Some((wanted, body)) = rest.split_first_chunk::<TAG>() else {
            return Err(Error::damaged("a secret of the database is too short"));
        };
        let veil = self.read(u64::from_le_bytes(*number))?;
        if is_torn(&veil) {
            return Ok(None);
        }
        let mut secret = body.to_vec();
        mask(&veil, place, &mut secret);
        if tag(&veil, place, &secret) == *wanted {
            Ok(Some(secret))
        } else {
            Err(Error::damaged("a veil is not what was written"))
        }
    }

    /// Makes the next veils, and the file with the first. What was there behind the last whole one was never used.
    fn make(&self) -> Result<()> {
        let mut fresh = Zeroizing::new(vec![0; AHEAD * VEIL]);
        File::open("/dev/urandom")?.read_exact(&mut fresh)?;
        let made = self.made.load(Ordering::Relaxed);
        let file = if let Some(file) = self.file.get() {
            file
        } else {
            let file = self.create()?;
            self.file.get_or_init(|| file)
        };
        file.write_all_at(&fresh, HEADER + made * VEIL as u64)?;
        file.sync_data()?;
        self.made.store(made + AHEAD as u64, Ordering::Relaxed);
        Ok(())
    }

    fn create(&self) -> Result<File> {
        let aside = beside(&self.path, ".new");
        let file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&aside)?;
        let mut header = [0; 64];
        header[..32].copy_from_slice(&self.macs.tag(About::Veils, &[]));
        file.write_all_at(&header, 0)?;
        file.sync_all()?;
        rename(&aside, &self.path).inspect_err(|_| drop(remove_file(&aside)))?;
        sync_directory(&self.path)?;
        Ok(file)
    }

    fn read(&self, number: u64) -> Result<Veil> {
        let mut veil = Zeroizing::new([0; VEIL]);
        let read = self
            .file()?
            .read_exact_at(&mut *veil, HEADER + number.saturating_mul(VEIL as u64));
        match read {
            Ok(()) => Ok(veil),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(missing()),
            Err(error) => Err(error.into()),
        }
    }

    fn file(&self) -> Result<&File> {
        self.file.get().ok_or_else(missing)
    }
}

/// The numbers of the veils that cover the secrets of a stored row.
pub fn veils_of<'a>(table: &'a Table, row: &'a Row) -> impl Iterator<Item = u64> + 'a {
    let values = table.veiled.iter().map(|&at| &row.values[at]);
    values.filter_map(|value| match value {
        Value::Blob(covered) => covered.first_chunk().copied().map(u64::from_le_bytes),
        _ => None,
    })
}

/// Where the veils of the database at `path` lie.
pub fn path_of(database: &Path) -> PathBuf {
    beside(database, "-veils")
}

/// Adds the veil's keystream to `bytes`, or takes it away: HMAC in counter mode.
fn mask(veil: &Veil, place: &[u8], bytes: &mut [u8]) {
    let stream = keyed(veil, place);
    for (counter, chunk) in (1u32..).zip(bytes.chunks_mut(32)) {
        let mut block: Mac = stream
            .clone()
            .chain_update(counter.to_le_bytes())
            .finalize()
            .into_bytes()
            .into();
        for (byte, key) in chunk.iter_mut().zip(block) {
            *byte ^= key;
        }
        block.zeroize();
    }
}

/// Shows that a veil is the one that was used, undamaged.
fn tag(veil: &Veil, place: &[u8], secret: &[u8]) -> [u8; TAG] {
    let whole = keyed(veil, place)
        .chain_update(0u32.to_le_bytes())
        .chain_update(secret)
        .finalize()
        .into_bytes();
    *whole.first_chunk().expect("a tag is shorter than its MAC")
}

fn keyed(veil: &Veil, place: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(&**veil)
        .expect("HMAC takes a key of any length")
        .chain_update(place)
}

fn is_torn(veil: &[u8; VEIL]) -> bool {
    *veil == [0; VEIL]
}

fn number(count: i64) -> Result<u64> {
    u64::try_from(count).map_err(|_| Error::damaged("a number of veils below zero"))
}

fn missing() -> Error {
    Error::damaged("veils are missing, and with them the secrets of the database")
}
