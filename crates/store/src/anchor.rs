//! The anchor: the ledger of the last commit, outside of the database, so that an older copy of the database is noticed.
//!
//! Two slots are written in turn, so that a torn write leaves the other. A slot is written after the commit and before
//! its acknowledgement, without fsync: a killed process loses nothing that way. After a loss of power the anchor may
//! be older than the database, which is honest, never newer. At rest both slots are durable and equal.

use std::fs::{File, remove_file, rename};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::files::{beside, private, sync_directory};
use crate::ledger::{self, Ledger};
use crate::mac::{About, Macs};

/// Slots lie in different sectors and pages.
const STRIDE: u64 = 4096;
const SLOTS: u64 = 2;
const SLOT: usize = ledger::LENGTH + 32;

pub struct Anchor {
    file: File,
    macs: Arc<Macs>,
    next: u64,
    /// What was written and is not yet durable in both slots.
    unsettled: Option<Ledger>,
}

impl Anchor {
    /// Makes the anchor of a new store, at once whole: it is written aside and then renamed.
    pub fn create(path: &Path, macs: Arc<Macs>, ledger: &Ledger) -> Result<Self> {
        let aside = beside(path, ".new");
        let file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&aside)?;
        file.set_len(STRIDE * SLOTS)?;
        let mut anchor = Self {
            file,
            macs,
            next: 0,
            unsettled: None,
        };
        anchor.record(ledger)?;
        anchor.settle()?;
        rename(&aside, path).inspect_err(|_| drop(remove_file(&aside)))?;
        sync_directory(path)?;
        Ok(anchor)
    }

    /// The anchor and what it holds; none when there is no file.
    pub fn open(path: &Path, macs: Arc<Macs>) -> Result<Option<(Self, Ledger)>> {
        let file = match private().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut anchor = Self {
            file,
            macs,
            next: 0,
            unsettled: None,
        };
        let slots = [anchor.read(0)?, anchor.read(1)?];
        let newest = slots
            .iter()
            .flatten()
            .max_by_key(|ledger| ledger.sequence)
            .copied();
        let Some(newest) = newest else {
            return Err(Error::new(
                Code::AnchorDamaged,
                "the anchor file is damaged in both of its slots",
            ));
        };
        anchor.next = u64::from(slots[0] == Some(newest));
        if slots != [Some(newest); 2] {
            anchor.unsettled = Some(newest);
        }
        Ok(Some((anchor, newest)))
    }

    /// Holds a commit, before it is acknowledged.
    pub fn record(&mut self, ledger: &Ledger) -> Result<()> {
        self.unsettled = Some(*ledger);
        let mut slot = [0; SLOT];
        slot[..ledger::LENGTH].copy_from_slice(&ledger.to_bytes());
        slot[ledger::LENGTH..].copy_from_slice(&self.macs.tag(About::Anchor, &ledger.to_bytes()));
        self.file.write_all_at(&slot, self.next * STRIDE)?;
        self.next = (self.next + 1) % SLOTS;
        Ok(())
    }

    pub fn is_settled(&self) -> bool {
        self.unsettled.is_none()
    }

    /// Makes the last commit durable in both slots, one after the other.
    pub fn settle(&mut self) -> Result<()> {
        if let Some(ledger) = self.unsettled {
            self.file.sync_data()?;
            self.record(&ledger)?;
            self.file.sync_data()?;
            self.unsettled = None;
        }
        Ok(())
    }

    fn read(&self, slot: u64) -> Result<Option<Ledger>> {
        let mut bytes = [0; SLOT];
        match self.file.read_exact_at(&mut bytes, slot * STRIDE) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let (ledger, mac) = bytes
            .split_first_chunk::<{ ledger::LENGTH }>()
            .expect("a slot begins with a ledger");
        Ok(self
            .macs
            .verify(About::Anchor, ledger, mac)
            .then(|| Ledger::from_bytes(ledger)))
    }
}
