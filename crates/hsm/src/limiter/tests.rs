//! The limiter against a plain model of it, with a clock that is turned by hand.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    thread,
};

use proptest::prelude::*;

use super::*;
use crate::error::Error;

struct Scripted(AtomicU64);

impl Clock for Scripted {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a token bucket promises, told without one: in no stretch of time that ends now has more been drawn than the
/// burst and what the rate adds in that stretch.
#[derive(Default)]
struct Promise {
    drawn: Vec<(u64, u32)>,
}

impl Promise {
    fn wait(&self, limit: Limit, count: u32, now: u64) -> u64 {
        let mut sum = u128::from(count);
        let mut longest = 0;
        for &(at, drawn) in self.drawn.iter().rev() {
            sum += u128::from(drawn);
            let allowed = u128::from(limit.burst) * 1_000_000_000
                + u128::from(limit.rate) * u128::from(now - at);
            let missing = (sum * 1_000_000_000).saturating_sub(allowed);
            longest = longest.max(missing.div_ceil(u128::from(limit.rate)));
        }
        u64::try_from(longest).unwrap()
    }
}

prop_compose! {
    fn limits()(rate in prop_oneof![1..10u32, 1..2_000_000u32], burst in 1..50u32) -> Limit {
        Limit { rate, burst }
    }
}

proptest! {
    #[test]
    fn both_buckets_keep_the_promise(
        device in limits(),
        slots in [limits(), limits()],
        steps in prop::collection::vec((0..2usize, 1..8u32, prop_oneof![0..1_000u64, 0..3_000_000_000u64]), 1..200),
    ) {
        let clock = Scripted(AtomicU64::new(12_345));
        let limiter = Limiter::new(device);
        let mut buckets = slots.map(Bucket::new);
        let (mut whole, mut parts) = (Promise::default(), [Promise::default(), Promise::default()]);
        for (slot, count, pause) in steps {
            let now = clock.0.fetch_add(pause, Ordering::SeqCst) + pause;
            let answer = limiter.take(&mut buckets[slot], count, &clock);
            if count > device.burst.min(slots[slot].burst) {
                prop_assert_eq!(answer, Err(Kind::InvalidLength.into()));
                continue;
            }
            let wait = whole.wait(device, count, now).max(parts[slot].wait(slots[slot], count, now));
            if wait == 0 {
                prop_assert_eq!(answer, Ok(()));
                whole.drawn.push((now, count));
                parts[slot].drawn.push((now, count));
            } else {
                prop_assert_eq!(answer, Err(Kind::RateLimited { wait }.into()));
            }
        }
    }

    /// The wait that is told is enough, and a nanosecond less is not.
    #[test]
    fn the_wait_is_exact(limit in limits(), count in 1..50u32) {
        prop_assume!(count <= limit.burst);
        let clock = Scripted(AtomicU64::new(0));
        let limiter = Limiter::new(Limit::default());
        let mut bucket = Bucket::new(limit);
        limiter.take(&mut bucket, limit.burst, &clock).unwrap();
        let Err(Kind::RateLimited { wait }) = limiter.take(&mut bucket, count, &clock).map_err(Error::kind)
        else { panic!("an empty bucket gave something") };
        clock.0.store(wait - 1, Ordering::SeqCst);
        prop_assert!(limiter.take(&mut bucket, count, &clock).is_err());
        clock.0.store(wait, Ordering::SeqCst);
        prop_assert!(limiter.take(&mut bucket, count, &clock).is_ok());
    }
}

#[test]
fn a_call_that_did_not_happen_gives_its_tokens_back() {
    let clock = Scripted(AtomicU64::new(0));
    let limit = Limit { rate: 1, burst: 2 };
    let limiter = Limiter::new(limit);
    let mut bucket = Bucket::new(limit);
    limiter.take(&mut bucket, 2, &clock).unwrap();
    limiter.give_back(&mut bucket, 2);
    limiter.take(&mut bucket, 2, &clock).unwrap();
    limiter.give_back(&mut bucket, 7);
    limiter.take(&mut bucket, 2, &clock).unwrap();
    assert!(
        limiter.take(&mut bucket, 1, &clock).is_err(),
        "never more than the burst"
    );
}

#[test]
fn without_limits_no_clock_is_read() {
    struct Forbidden;
    impl Clock for Forbidden {
        fn now(&self) -> u64 {
            panic!("the clock was read")
        }
    }
    Limiter::new(Limit::default())
        .take(&mut Bucket::default(), 1, &Forbidden)
        .unwrap();
}

#[test]
fn threads_together_never_exceed_burst_and_rate() {
    let clock = Scripted(AtomicU64::new(0));
    let limiter = Limiter::new(Limit {
        rate: 1_000,
        burst: 100,
    });
    let admitted = AtomicU32::new(0);
    // Each call moves the clock by 10 µs, a hundredth of a token, so the whole script is known: 80,000 calls, 0.8 s.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    if limiter.take(&mut Bucket::default(), 1, &clock).is_ok() {
                        admitted.fetch_add(1, Ordering::SeqCst);
                    }
                    clock.0.fetch_add(10_000, Ordering::SeqCst);
                }
            });
        }
    });
    let admitted = admitted.into_inner();
    assert!(admitted <= 100 + 800, "{admitted} were admitted");
    // Nor do they lose any: what accumulates is asked for a hundred times over.
    assert!(admitted >= 100 + 799, "{admitted} were admitted");
}
