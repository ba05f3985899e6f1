//! The slot table: what is wiped, what goes first, whose number is refused.

use super::*;

fn bytes(slots: &Slots, index: u32) -> [u8; 32] {
    *lock(&slots.place(index).unwrap().0).key.secret()
}

fn table(capacity: u32) -> Slots {
    Slots::new(capacity, Memory::Secret).unwrap()
}

fn load(slots: &Slots, byte: u8) -> Slot {
    slots
        .load(
            Content::Bytes(&[byte; 32]),
            Usages::ENCRYPT,
            Limit::default(),
        )
        .unwrap()
}

fn touch(slots: &Slots, slot: Slot) -> Result<()> {
    slots.with(slot, |_| Ok(()))
}

fn use_all(slots: &Slots, all: &[Slot]) {
    for slot in all {
        touch(slots, *slot).unwrap();
    }
}

#[test]
fn every_way_out_wipes_the_page() {
    let slots = table(2);
    let (one, two) = (load(&slots, 1), load(&slots, 2));
    assert_eq!((bytes(&slots, 0), bytes(&slots, 1)), ([1; 32], [2; 32]));

    slots.unload(one).unwrap();
    assert_eq!(bytes(&slots, 0), [0; 32], "unloaded");
    let three = load(&slots, 3);
    assert_eq!(slots.claim(), Ok(1), "the oldest is evicted");
    assert_eq!(bytes(&slots, 1), [0; 32], "evicted");
    assert_eq!(touch(&slots, two), Err(Kind::StaleSlot.into()));

    slots.close();
    assert_eq!(bytes(&slots, 0), [0; 32], "closed");
    assert_eq!(touch(&slots, three), Err(Kind::DeviceClosed.into()));
    assert_eq!(
        slots.load(Content::Bytes(&[4; 32]), Usages::ENCRYPT, Limit::default()),
        Err(Kind::DeviceClosed.into())
    );
}

#[test]
fn the_least_recently_used_goes_first() {
    let slots = table(3);
    let [one, two, three] = [1, 2, 3].map(|byte| load(&slots, byte));
    // Between two loads the first use of each counts, and the load before them is older.
    use_all(&slots, &[one, two, three, one]);
    let four = load(&slots, 4);
    assert_eq!(
        touch(&slots, three),
        Err(Kind::StaleSlot.into()),
        "loaded before the others were used"
    );
    use_all(&slots, &[two, one]);
    let five = load(&slots, 5);
    assert_eq!(
        touch(&slots, four),
        Err(Kind::StaleSlot.into()),
        "not used since its load"
    );
    let six = load(&slots, 6);
    assert_eq!(
        touch(&slots, two),
        Err(Kind::StaleSlot.into()),
        "used before one was"
    );
    use_all(&slots, &[one, five, six]);
    assert_eq!(slots.stats().evictions, 3);
}

#[test]
fn a_number_is_never_that_of_the_next_key() {
    let slots = table(1);
    let mut numbers = Vec::new();
    for byte in 1..=100 {
        let slot = load(&slots, byte);
        assert!(slot.number() < 1 << 53);
        assert!(
            numbers
                .iter()
                .all(|stale| touch(&slots, *stale) == Err(Kind::StaleSlot.into()))
        );
        assert_eq!(touch(&slots, slot), Ok(()));
        numbers.push(slot);
    }
    let last = numbers[99];
    slots.unload(last).unwrap();
    assert_eq!(slots.unload(last), Err(Kind::StaleSlot.into()));
    for number in [0, 1, last.number() + 1, u64::MAX, 1 << 53] {
        assert_eq!(
            touch(&slots, Slot::from_number(number)),
            Err(Kind::StaleSlot.into())
        );
    }
}

#[test]
fn the_table_grows_in_chunks_up_to_its_capacity() {
    let slots = table(CHUNK + 10);
    let loaded: Vec<_> = (0..CHUNK + 20).map(|_| load(&slots, 1)).collect();
    let stats = slots.stats();
    assert_eq!(
        (stats.slots, stats.capacity, stats.evictions),
        (CHUNK + 10, CHUNK + 10, 10)
    );
    assert_eq!(
        loaded
            .iter()
            .filter(|slot| touch(&slots, **slot).is_err())
            .count(),
        10
    );
    assert!(Slots::new(0, Memory::Secret).is_err());
    assert!(Slots::new(MOST_SLOTS + 1, Memory::Secret).is_err());
}
