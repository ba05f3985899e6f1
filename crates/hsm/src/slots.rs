//! The slot table: opened keys in protected memory. Bounded, evicting the least recently used, wiped on every way out.
//!
//! A slot's number carries a generation, so the number of a key that is gone is refused even when its place is taken again.
//! Locks are taken in one order: a place, then the order of use.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    error::{Error, Kind, Result},
    family::Opened,
    key::{KEY, Key},
    limiter::{Bucket, Limit},
    lock,
    order::Order,
    pages::Memory,
    spec::Usages,
    sys::heap,
};

/// Where a key is open: an index and a generation, together below 2^53, so that JavaScript's numbers hold it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(u64);

const INDEX_BITS: u32 = 20;
const GENERATIONS: u64 = 1 << (53 - INDEX_BITS);

/// As many slots as a table can have.
pub const MOST_SLOTS: u32 = 1 << INDEX_BITS;

impl Slot {
    /// The slot of this number, which need not exist.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// For whoever can only remember numbers.
    pub const fn number(self) -> u64 {
        self.0
    }

    fn new(index: u32, generation: u64) -> Self {
        Self(generation << INDEX_BITS | u64::from(index))
    }

    fn parts(self) -> (u32, u64) {
        (
            u32::try_from(self.0 % u64::from(MOST_SLOTS)).unwrap_or(0),
            self.0 >> INDEX_BITS,
        )
    }
}

/// One chunk's keys share a mapping: 48 KiB, twelve pages.
const CHUNK: u32 = 512;

#[derive(Debug)]
pub struct Slots {
    capacity: u32,
    /// Filled from the front, as the table grows.
    chunks: Box<[OnceLock<Box<[Place]>>]>,
    ledger: Mutex<Ledger>,
    /// Counts loads. A slot moves in the order of use once per epoch, so that between loads using one costs nothing more.
    epoch: AtomicU64,
}

/// On cache lines of its own, so that threads with different keys do not slow each other down.
#[derive(Debug)]
#[repr(align(64))]
struct Place(Mutex<Occupant>);

/// What is put into a slot: a key's bytes, or one that was made ready.
pub enum Content<'a> {
    Bytes(&'a [u8; KEY]),
    Opened(Arc<dyn Opened>),
}

/// What a slot holds. Between two keys it is blank and has no usages.
#[derive(Debug)]
pub struct Occupant {
    /// Blank under a key that is opened.
    key: Key,
    opened: Option<Arc<dyn Opened>>,
    usages: Usages,
    pub bucket: Bucket,
    generation: u64,
    used: u64,
}

#[derive(Debug)]
struct Ledger {
    order: Order,
    /// Those of them that hold opened keys, in the same order.
    opened: Order,
    free: Vec<u32>,
    grown: u32,
    occupied: u32,
    evictions: u64,
    memory: Memory,
    closed: bool,
}

/// How full the table is, and what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// Slots that hold a key.
    pub slots: u32,
    /// Slots there can be.
    pub capacity: u32,
    /// Keys that had to make room.
    pub evictions: u64,
    /// Where keys live; the weakest claim that is true of all of them.
    pub memory: Memory,
}

impl Slots {
    pub fn new(capacity: u32, memory: Memory) -> Result<Self> {
        if !(1..=MOST_SLOTS).contains(&capacity) {
            return Err(Kind::InvalidLength.into());
        }
        let slots = Self {
            capacity,
            chunks: (0..capacity.div_ceil(CHUNK))
                .map(|_| OnceLock::new())
                .collect(),
            ledger: Mutex::new(Ledger {
                order: Order::new(),
                opened: Order::new(),
                free: Vec::new(),
                grown: 0,
                occupied: 0,
                evictions: 0,
                memory,
                closed: false,
            }),
            epoch: AtomicU64::new(1),
        };
        // At once, lest other secrets leave no protected memory for a first key.
        slots.grow(&mut lock(&slots.ledger))?;
        Ok(slots)
    }

    /// Puts a key into a slot, evicting the least recently used when all are taken.
    pub fn load(&self, content: Content, usages: Usages, limit: Limit) -> Result<Slot> {
        let index = self.claim()?;
        let mut occupant = lock(&self.place(index)?.0);
        let mut ledger = lock(&self.ledger);
        if ledger.closed {
            return Err(Kind::DeviceClosed.into());
        }
        ledger.order.push(index);
        if matches!(content, Content::Opened(_)) {
            ledger.opened.push(index);
        }
        ledger.occupied += 1;
        drop(ledger);
        match content {
            Content::Bytes(secret) => occupant.key.install(|key| {
                key.copy_from_slice(secret);
                Ok(())
            })?,
            Content::Opened(opened) => occupant.opened = Some(opened),
        }
        occupant.usages = usages;
        occupant.bucket = Bucket::new(limit);
        occupant.generation = occupant.generation % (GENERATIONS - 1) + 1;
        occupant.used = self.epoch.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Slot::new(index, occupant.generation))
    }

    /// Lends what the slot holds, and counts that as a use.
    pub fn with<R>(&self, slot: Slot, act: impl FnOnce(&mut Occupant) -> Result<R>) -> Result<R> {
        let (index, generation) = slot.parts();
        let mut occupant = lock(&self.place(index)?.0);
        if occupant.generation != generation || occupant.usages == Usages::NONE {
            return Err(self.stale());
        }
        let epoch = self.epoch.load(Ordering::Relaxed);
        if occupant.used != epoch {
            occupant.used = epoch;
            let mut ledger = lock(&self.ledger);
            ledger.touch(index);
        }
        act(&mut occupant)
    }

    /// Wipes the slot and frees its place.
    pub fn unload(&self, slot: Slot) -> Result<()> {
        let (index, _) = slot.parts();
        self.with(slot, |occupant| {
            occupant.clear();
            let mut ledger = lock(&self.ledger);
            // If it is not in the order, a load has chosen the place already and will count it down itself.
            if ledger.order.contains(index) {
                ledger.leave(index);
            }
            Ok(())
        })
    }

    /// Wipes the opened key that was least recently used, so that another one has room. False when there is none.
    pub fn evict_opened(&self) -> bool {
        let mut ledger = lock(&self.ledger);
        let Some(index) = ledger.opened.pop() else {
            return false;
        };
        ledger.order.remove(index);
        ledger.evictions += 1;
        ledger.occupied -= 1;
        drop(ledger);
        // As in `claim`: nobody else has the place in between, for it is neither free nor in the order.
        if let Ok(place) = self.place(index) {
            lock(&place.0).clear();
        }
        lock(&self.ledger).free.push(index);
        true
    }

    /// Wipes every slot, for good.
    pub fn close(&self) {
        let mut ledger = lock(&self.ledger);
        ledger.closed = true;
        ledger.occupied = 0;
        drop(ledger);
        // A load that is under way holds its place until it has seen `closed`, or its key is found here.
        for place in self.chunks.iter().filter_map(OnceLock::get).flatten() {
            lock(&place.0).clear();
        }
    }

    pub fn stats(&self) -> Stats {
        let ledger = lock(&self.ledger);
        Stats {
            slots: ledger.occupied,
            capacity: self.capacity,
            evictions: ledger.evictions,
            memory: ledger.memory.weaker(heap::memory()),
        }
    }

    /// A blank place to load into: a free one, a new one, or that of the least recently used key.
    fn claim(&self) -> Result<u32> {
        let mut ledger = lock(&self.ledger);
        if ledger.closed {
            return Err(Kind::DeviceClosed.into());
        }
        if ledger.free.is_empty() && ledger.grown < self.capacity {
            // Without memory for more, the table makes do with what it has.
            let _ = self.grow(&mut ledger);
        }
        if let Some(index) = ledger.free.pop() {
            return Ok(index);
        }
        let index = ledger.order.pop().ok_or(Kind::Unavailable)?;
        ledger.opened.remove(index);
        ledger.evictions += 1;
        ledger.occupied -= 1;
        drop(ledger);
        // A use that holds the place already is waited for; the next one finds nothing.
        lock(&self.place(index)?.0).clear();
        Ok(index)
    }

    fn grow(&self, ledger: &mut Ledger) -> Result<()> {
        let count = CHUNK.min(self.capacity - ledger.grown);
        let keys = Key::many(count as usize)?;
        for key in &keys {
            ledger.memory = ledger.memory.weaker(key.memory());
        }
        let chunk = &self.chunks[(ledger.grown / CHUNK) as usize];
        chunk.get_or_init(|| keys.into_iter().map(Place::blank).collect());
        ledger
            .free
            .extend((ledger.grown..ledger.grown + count).rev());
        ledger.grown += count;
        let grown = ledger.grown;
        ledger.order.grow(grown);
        ledger.opened.grow(grown);
        Ok(())
    }

    fn place(&self, index: u32) -> Result<&Place> {
        let chunk = self
            .chunks
            .get((index / CHUNK) as usize)
            .and_then(OnceLock::get);
        chunk
            .and_then(|places| places.get((index % CHUNK) as usize))
            .ok_or_else(|| self.stale())
    }

    #[cold]
    fn stale(&self) -> Error {
        if lock(&self.ledger).closed {
            Kind::DeviceClosed.into()
        } else {
            Kind::StaleSlot.into()
        }
    }
}

impl Ledger {
    /// Makes a slot the newest, unless a load has chosen its place already.
    fn touch(&mut self, index: u32) {
        if self.order.contains(index) {
            self.order.push(index);
        }
        if self.opened.contains(index) {
            self.opened.push(index);
        }
    }

    fn leave(&mut self, index: u32) {
        self.order.remove(index);
        self.opened.remove(index);
        self.free.push(index);
        self.occupied -= 1;
    }
}

impl Place {
    fn blank(key: Key) -> Self {
        Self(Mutex::new(Occupant {
            key,
            opened: None,
            usages: Usages::NONE,
            bucket: Bucket::default(),
            generation: 0,
            used: 0,
        }))
    }
}

impl Occupant {
    /// Refuses a use the key was not made for.
    pub fn permit(&self, usage: Usages) -> Result<()> {
        if self.usages.contains(usage) {
            Ok(())
        } else {
            Err(Kind::UsageNotPermitted.into())
        }
    }

    /// The key of a slot that keeps bare bytes.
    pub fn key(&self) -> Result<&Key> {
        match self.opened {
            None => Ok(&self.key),
            Some(_) => Err(Kind::UsageNotPermitted.into()),
        }
    }

    /// The key of a slot that keeps one that is opened. Whoever holds on to it can finish even when the slot is wiped.
    pub fn opened(&self) -> Result<Arc<dyn Opened>> {
        self.opened.clone().ok_or(Kind::UsageNotPermitted.into())
    }

    fn clear(&mut self) {
        self.key.wipe();
        self.opened = None;
        self.usages = Usages::NONE;
    }
}

#[cfg(test)]
mod tests;
