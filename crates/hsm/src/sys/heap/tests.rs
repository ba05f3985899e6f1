//! The heap in protected pages: classes, blocks of both kinds, and what a freed one holds.
#![allow(unsafe_code, reason = "blocks are looked at through their pointers")]

use super::*;

fn size(block: *mut u8) -> usize {
    // SAFETY: the tests look at blocks that they have.
    unsafe { header(block).read() }
}

#[test]
fn a_class_is_the_smallest_that_holds() {
    let sizes: Vec<_> = (0..CLASSES).map(size_of_class).collect();
    assert_eq!(sizes[..6], [32, 48, 64, 96, 128, 192]);
    assert!(sizes.is_sorted() && sizes.iter().all(|size| size % 16 == 0));
    for size in 0..=*sizes.last().unwrap() {
        let expected = sizes.iter().position(|class| *class >= size);
        assert_eq!(class_for(size), expected, "{size}");
    }
    assert_eq!(class_for(sizes[CLASSES - 1] + 1), None);
}

#[test]
fn what_a_thread_is_at_decides_where_it_goes() {
    let take = |heap| within(heap, || take(100));
    for (heap, mark) in [
        (Heap::Ordinary, 0),
        (Heap::Protected, PROTECTED),
        (Heap::Passing, PROTECTED),
    ] {
        let block = take(heap);
        assert_eq!(size(block), 100 + mark);
        // SAFETY: taken above.
        unsafe { give_back(block) };
    }
    // No block is as large as that.
    let too_much = SEGMENT;
    assert!(within(Heap::Protected, || super::take(too_much)).is_null());
    let block = within(Heap::Passing, || super::take(too_much));
    assert_eq!(size(block), too_much);
    // SAFETY: taken above.
    unsafe { give_back(block) };
    assert!(super::take(usize::MAX).is_null());
}

#[test]
fn the_heap_comes_back_even_after_a_panic() {
    let caught = std::panic::catch_unwind(|| within(Heap::Protected, || panic!("on purpose")));
    assert!(caught.is_err());
    assert_eq!(HEAP.get(), Heap::Ordinary);
}

#[test]
fn blocks_are_apart_blank_and_wiped() {
    let mut blocks: Vec<_> = (0..500)
        .map(|at| within(Heap::Protected, || Block::zero(at % 300)).unwrap())
        .collect();
    for (at, block) in blocks.iter_mut().enumerate() {
        assert!(block.iter().all(|byte| *byte == 0));
        block.fill(u8::try_from(at % 251).unwrap());
    }
    for (at, block) in blocks.iter().enumerate() {
        let byte = u8::try_from(at % 251).unwrap();
        assert!(block.iter().all(|other| *other == byte));
    }
    let mut last = within(Heap::Protected, || Block::zero(15_000)).unwrap();
    last.fill(7);
    let at = last.at;
    drop(last);
    // SAFETY: the pages stay mapped; nobody else in these tests takes a block of this size. The list of free blocks is
    // written over the header and the first bytes.
    let left = unsafe { slice::from_raw_parts(at.as_ptr().add(8), 14_000) };
    assert!(left.iter().all(|byte| *byte == 0));
}

#[test]
fn a_block_that_grows_keeps_its_bytes() {
    let no_file = ptr::null();
    for heap in [Heap::Ordinary, Heap::Protected] {
        within(heap, || {
            // SAFETY: used as AWS-LC would.
            unsafe {
                let block: *mut u8 = allocate(10, no_file, 0).cast();
                block.write_bytes(7, 10);
                let block: *mut u8 = reallocate(block.cast(), 1000, no_file, 0).cast();
                assert_eq!(slice::from_raw_parts(block, 10), [7; 10]);
                let block: *mut u8 = reallocate(block.cast(), 4, no_file, 0).cast();
                assert_eq!(slice::from_raw_parts(block, 4), [7; 4]);
                free(block.cast(), no_file, 0);
                free(ptr::null_mut(), no_file, 0);
                let block = reallocate(ptr::null_mut(), 4, no_file, 0);
                free(block, no_file, 0);
            }
        });
    }
}

/// The layout this module relies on when it frees what was allocated before it took its place.
#[test]
fn aws_lc_lays_its_own_blocks_out_alike() {
    // SAFETY: AWS-LC hands out and takes back.
    unsafe {
        let block: *mut u8 = lc::OPENSSL_malloc(123).cast();
        assert_eq!(size(block), 123);
        install();
        lc::OPENSSL_free(block.cast());
    }
}
