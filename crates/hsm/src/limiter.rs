//! Token buckets: how the throughput of a real device is simulated. One for each slot and one for the whole device; a call
//! draws from both or from neither. All arithmetic is exact: a bucket counts billionths of a token.

use std::sync::Mutex;

use crate::{
    error::{Kind, Result},
    lock,
};

/// Time as a seam: nanoseconds that never run backwards, from any beginning.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the clock's beginning.
    fn now(&self) -> u64;
}

/// How many calls a second, and how many at once after a pause. A rate of zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Calls a second.
    pub rate: u32,
    /// The most calls at once; zero stands for one second's worth.
    pub burst: u32,
}

const TOKEN: u64 = 1_000_000_000;

/// A bucket, full when it is made.
#[derive(Debug, Default)]
pub struct Bucket {
    limit: Limit,
    /// Billionths of a token: one nanosecond adds `rate` of them.
    level: u64,
    filled: u64,
}

impl Bucket {
    pub fn new(limit: Limit) -> Self {
        let limit = Limit {
            burst: if limit.burst == 0 {
                limit.rate
            } else {
                limit.burst
            },
            ..limit
        };
        Self {
            limit,
            level: u64::from(limit.burst) * TOKEN,
            filled: 0,
        }
    }

    fn full(&self) -> u64 {
        u64::from(self.limit.burst) * TOKEN
    }

    fn limited(&self) -> bool {
        self.limit.rate > 0
    }

    /// Brings the level up to `now`, and says how long it takes until `count` can be drawn: 0 is at once.
    fn wait(&mut self, count: u32, now: u64) -> Result<u64> {
        if !self.limited() {
            return Ok(0);
        }
        if count > self.limit.burst {
            return Err(Kind::InvalidLength.into());
        }
        let rate = u64::from(self.limit.rate);
        // Threads may arrive with readings in another order than they took them.
        let elapsed = now.saturating_sub(self.filled);
        self.filled = self.filled.max(now);
        self.level = self
            .level
            .saturating_add(elapsed.saturating_mul(rate))
            .min(self.full());
        Ok((u64::from(count) * TOKEN)
            .saturating_sub(self.level)
            .div_ceil(rate))
    }

    fn draw(&mut self, count: u32) {
        if self.limited() {
            self.level -= u64::from(count) * TOKEN;
        }
    }

    fn give_back(&mut self, count: u32) {
        self.level = self
            .level
            .saturating_add(u64::from(count) * TOKEN)
            .min(self.full());
    }
}

/// The device's own bucket, and the rule that joins it to a slot's.
#[derive(Debug)]
pub struct Limiter {
    device: Mutex<Bucket>,
    limited: bool,
}

impl Limiter {
    pub fn new(limit: Limit) -> Self {
        Self {
            device: Mutex::new(Bucket::new(limit)),
            limited: limit.rate > 0,
        }
    }

    /// Draws `count` from both buckets or from neither. Without limits no clock is read and nothing is shared.
    pub fn take(&self, slot: &mut Bucket, count: u32, clock: &dyn Clock) -> Result<()> {
        if !self.limited && !slot.limited() {
            return Ok(());
        }
        let now = clock.now();
        let mut device = self.limited.then(|| lock(&self.device));
        let wait = match &mut device {
            Some(device) => slot.wait(count, now)?.max(device.wait(count, now)?),
            None => slot.wait(count, now)?,
        };
        if wait > 0 {
            return Err(Kind::RateLimited { wait }.into());
        }
        slot.draw(count);
        if let Some(device) = &mut device {
            device.draw(count);
        }
        Ok(())
    }

    /// Undoes a draw whose call did not happen after all.
    pub fn give_back(&self, slot: &mut Bucket, count: u32) {
        slot.give_back(count);
        lock(&self.device).give_back(count);
    }
}

#[cfg(test)]
mod tests;
