//! A heap in protected pages, for secrets that are no slot's bare bytes: AWS-LC's parsed private keys with all that it
//! caches in them, and what it allocates while it works with them.
//!
//! AWS-LC asks here for all of its memory. It gets the ordinary kind, unless the thread is at work with a private key. Every block,
//! wherever it is, has its size in front, as AWS-LC's own allocator lays it out, so it does not matter what was allocated
//! before this one took its place; blocks in protected pages are told by a mark on the size. Freed blocks are wiped.
#![allow(unsafe_code, reason = "handing out memory is pointer work")]
#![allow(
    clippy::cast_ptr_alignment,
    reason = "every block is aligned to sixteen bytes"
)]

use core::{
    cell::Cell,
    ffi::{c_char, c_int, c_void},
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
};
use std::sync::{
    Mutex, Once,
    atomic::{AtomicBool, Ordering},
};

use aws_lc_sys as lc;

use crate::{
    lock,
    pages::{self, Memory},
};

/// Where a thread's allocations go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heap {
    /// Ordinary memory: nothing secret, or only for as long as a call lasts.
    Ordinary,
    /// Protected pages; where they are full, there is no memory.
    Protected,
    /// Protected pages; where they are full, ordinary memory for as long as a call lasts.
    Passing,
    /// Protected pages; where they are full, ordinary memory even for what stays. That is remembered, and told.
    LastResort,
}

thread_local! {
    static HEAP: Cell<Heap> = const { Cell::new(Heap::Ordinary) };
}

/// Whether what stays had to go into ordinary memory.
static SPILLED: AtomicBool = AtomicBool::new(false);

/// Does `act` with this thread's allocations going to `heap`.
pub fn within<R>(heap: Heap, act: impl FnOnce() -> R) -> R {
    struct Back(Heap);
    impl Drop for Back {
        fn drop(&mut self) {
            HEAP.set(self.0);
        }
    }
    install();
    let _back = Back(HEAP.replace(heap));
    act()
}

/// Does `act`, which works with a private key, with allocations in protected pages.
pub fn privately<R>(act: impl FnOnce() -> R) -> R {
    match HEAP.get() {
        Heap::Ordinary => within(Heap::Passing, act),
        _ => act(),
    }
}

/// The weakest claim that is true of everything that was allocated to stay.
pub fn memory() -> Memory {
    if SPILLED.load(Ordering::Relaxed) {
        Memory::Ordinary
    } else {
        lock(&ARENA).memory
    }
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the three functions are an allocator, and can free what AWS-LC's own has handed out.
        let installed =
            unsafe { lc::CRYPTO_set_mem_functions(Some(allocate), Some(reallocate), Some(free)) };
        assert_eq!(installed, 1, "nobody else gives AWS-LC memory");
    });
}

/// Bytes of this thread's heap, zero when they are made, wiped when they go.
pub struct Block {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: a block is the only owner of its bytes, like a Box.
unsafe impl Send for Block {}
// SAFETY: shared access only reads.
unsafe impl Sync for Block {}

impl Block {
    /// None when there is no memory.
    pub fn zero(length: usize) -> Option<Self> {
        let at = NonNull::new(take(length))?;
        // SAFETY: so many bytes were just handed out.
        unsafe { at.write_bytes(0, length) };
        Some(Self { at, length })
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are this block's alone, and initialised.
        unsafe { slice::from_raw_parts(self.at.as_ptr(), self.length) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`, and the borrow is exclusive.
        unsafe { slice::from_raw_parts_mut(self.at.as_ptr(), self.length) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: handed out by `take`, and not freed before.
        unsafe { give_back(self.at.as_ptr()) };
    }
}

unsafe extern "C" fn allocate(size: usize, _: *const c_char, _: c_int) -> *mut c_void {
    take(size).cast()
}

unsafe extern "C" fn free(block: *mut c_void, _: *const c_char, _: c_int) {
    if !block.is_null() {
        // SAFETY: AWS-LC frees what it was given, once.
        unsafe { give_back(block.cast()) };
    }
}

unsafe extern "C" fn reallocate(
    block: *mut c_void,
    size: usize,
    _: *const c_char,
    _: c_int,
) -> *mut c_void {
    let other = take(size);
    if !other.is_null() && !block.is_null() {
        // SAFETY: both blocks have as many bytes as their sizes say, and do not overlap.
        unsafe {
            let kept = (header(block.cast()).read() & !PROTECTED).min(size);
            ptr::copy_nonoverlapping(block.cast::<u8>(), other, kept);
            give_back(block.cast());
        }
    }
    other.cast()
}

/// What stands in front of every block: its size. AWS-LC's own allocator has the same.
const HEADER: usize = size_of::<usize>();
/// On the size of a block in protected pages.
const PROTECTED: usize = 1 << (usize::BITS - 1);

/// The header of a block that was handed out.
unsafe fn header(block: *mut u8) -> *mut usize {
    // SAFETY: it stands right in front; blocks are aligned like it.
    unsafe { block.sub(HEADER).cast() }
}

fn take(size: usize) -> *mut u8 {
    let Some(whole) = size
        .checked_add(HEADER)
        .filter(|whole| whole & PROTECTED == 0)
    else {
        return ptr::null_mut();
    };
    let heap = HEAP.get();
    let (at, mark) = match heap {
        Heap::Ordinary => (None, 0),
        _ => (lock(&ARENA).take(whole), PROTECTED),
    };
    let (at, mark) = match at {
        Some(at) => (at.as_ptr(), mark),
        None if heap == Heap::Protected => return ptr::null_mut(),
        // SAFETY: any size can be asked for; null is looked for below.
        None => (unsafe { libc::malloc(whole).cast() }, 0),
    };
    if at.is_null() {
        return at;
    }
    if heap == Heap::LastResort && mark == 0 {
        SPILLED.store(true, Ordering::Relaxed);
    }
    // SAFETY: the block has room for its header and is aligned for it.
    unsafe {
        at.cast::<usize>().write(size | mark);
        at.add(HEADER)
    }
}

/// The caller promises that the block was handed out, and that nobody has it any more.
unsafe fn give_back(block: *mut u8) {
    // SAFETY: the block begins with its size, and is wiped before anybody else can have it.
    unsafe {
        let start = header(block);
        let (size, protected) = (*start & !PROTECTED, *start & PROTECTED != 0);
        lc::OPENSSL_cleanse(start.cast(), size + HEADER);
        if protected {
            lock(&ARENA).give_back(start.cast(), size + HEADER);
        } else {
            libc::free(start.cast());
        }
    }
}

static ARENA: Mutex<Arena> = Mutex::new(Arena {
    free: [ptr::null_mut(); CLASSES],
    next: ptr::null_mut(),
    left: 0,
    mapped: 0,
    memory: Memory::Secret,
});

/// Blocks come in few sizes, two a doubling; one that was freed is handed out for the same size again.
const CLASSES: usize = 20;
const SMALLEST: usize = 32;
/// Pages are mapped so many bytes at a time, and stay mapped.
const SEGMENT: usize = 32 * 1024;

struct Arena {
    /// Free blocks of each size; each begins with the address of the next.
    free: [*mut u8; CLASSES],
    /// What of the newest pages was never handed out.
    next: *mut u8,
    left: usize,
    mapped: usize,
    memory: Memory,
}

// SAFETY: the addresses are those of memory that the arena owns.
unsafe impl Send for Arena {}

/// 32, 48, 64, 96, 128, 192 …
const fn size_of_class(class: usize) -> usize {
    (SMALLEST + class % 2 * SMALLEST / 2) << (class / 2)
}

/// The smallest class that holds `size` bytes.
fn class_for(size: usize) -> Option<usize> {
    let doublings = (size.max(SMALLEST) / SMALLEST).ilog2() as usize;
    (2 * doublings..CLASSES).find(|class| size_of_class(*class) >= size)
}

impl Arena {
    fn take(&mut self, size: usize) -> Option<NonNull<u8>> {
        let class = class_for(size)?;
        let size = size_of_class(class);
        let block = self.free[class];
        if !block.is_null() {
            // SAFETY: a free block begins with the address of the next, and nobody else has it.
            self.free[class] = unsafe { block.cast::<*mut u8>().read() };
            return NonNull::new(block);
        }
        if self.left < size {
            self.grow()?;
        }
        self.cut(size)
    }

    fn cut(&mut self, size: usize) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.next)?;
        // SAFETY: so much is left of the pages; the end may be one past them.
        self.next = unsafe { self.next.add(size) };
        self.left -= size;
        Some(block)
    }

    fn grow(&mut self) -> Option<()> {
        // A quarter of what may be locked: the rest is the slots'.
        if self.mapped + SEGMENT > (pages::lockable() / 4).max(SEGMENT) {
            return None;
        }
        let (pages, memory) = pages::forever(SEGMENT).ok()?;
        // What is left of the older pages becomes blocks, the largest first.
        for class in (0..CLASSES).rev() {
            while self.left >= size_of_class(class) {
                let block = self.cut(size_of_class(class))?;
                self.push(class, block.as_ptr());
            }
        }
        (self.next, self.left) = (pages.as_mut_ptr(), pages.len());
        self.mapped += SEGMENT;
        self.memory = self.memory.weaker(memory);
        Some(())
    }

    fn give_back(&mut self, block: *mut u8, size: usize) {
        // Always the class it was taken from.
        if let Some(class) = class_for(size) {
            self.push(class, block);
        }
    }

    fn push(&mut self, class: usize, block: *mut u8) {
        // SAFETY: the block is free, long enough for an address, and aligned: every size is a multiple of sixteen.
        unsafe { block.cast::<*mut u8>().write(self.free[class]) };
        self.free[class] = block;
    }
}

#[cfg(test)]
mod tests;
