//! Memory for keys: pages of `memfd_secret(2)`, which no other process and not even the kernel's own debugging doors can
//! read; where there are none, pages that are locked into RAM and left out of core dumps. The one module that maps memory.
#![allow(
    unsafe_code,
    reason = "mapping memory is the operating system's business"
)]

use std::{
    fmt,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
    sync::Arc,
};

use crate::{
    error::{Error, Kind, Result},
    sys,
};

/// Where bytes live, and so what may be claimed of them; the strongest claim first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Memory {
    /// Invisible to everything but this process's own instructions.
    Secret,
    /// Never swapped, never dumped; root can still read it through `/proc`.
    Locked,
    /// Like that of any program: there was no other to be had.
    Ordinary,
}

impl Memory {
    /// Of two claims the one that is true of both.
    pub(crate) fn weaker(self, other: Self) -> Self {
        self.max(other)
    }
}

/// `SIZE` bytes in such a page. Exclusive, zero when it is made, wiped when it goes.
pub struct Cell<const SIZE: usize> {
    at: NonNull<[u8; SIZE]>,
    /// Keeps the mapping alive until its last cell is gone.
    mapping: Arc<Mapping>,
}

// SAFETY: a cell is the only owner of its bytes, like a Box; the mapping behind it is never written as a whole.
unsafe impl<const SIZE: usize> Send for Cell<SIZE> {}
// SAFETY: shared access only reads.
unsafe impl<const SIZE: usize> Sync for Cell<SIZE> {}

impl<const SIZE: usize> Cell<SIZE> {
    /// Maps room for `count` cells.
    pub fn many(count: usize) -> Result<Vec<Self>> {
        let mapping = Arc::new(Mapping::new(count * SIZE)?);
        Ok((0..count)
            .map(|index| Self {
                // SAFETY: the mapping is `count * SIZE` bytes long or longer, so every cell is inside it; no two overlap.
                at: unsafe { mapping.base.add(index * SIZE).cast() },
                mapping: Arc::clone(&mapping),
            })
            .collect())
    }

    pub fn one() -> Result<Self> {
        Self::many(1)?.pop().ok_or(Error::new(Kind::Unavailable))
    }

    pub fn memory(&self) -> Memory {
        self.mapping.memory
    }
}

impl<const SIZE: usize> Deref for Cell<SIZE> {
    type Target = [u8; SIZE];

    fn deref(&self) -> &[u8; SIZE] {
        // SAFETY: the bytes are mapped, initialised (by the kernel, with zeros), and owned by this cell alone.
        unsafe { self.at.as_ref() }
    }
}

impl<const SIZE: usize> DerefMut for Cell<SIZE> {
    fn deref_mut(&mut self) -> &mut [u8; SIZE] {
        // SAFETY: as for `deref`, and the borrow is exclusive.
        unsafe { self.at.as_mut() }
    }
}

impl<const SIZE: usize> Drop for Cell<SIZE> {
    fn drop(&mut self) {
        sys::wipe(&mut self[..]);
    }
}

impl<const SIZE: usize> fmt::Debug for Cell<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

struct Mapping {
    base: NonNull<u8>,
    length: usize,
    memory: Memory,
}

// SAFETY: the struct itself only remembers where to unmap; the bytes are reached through cells.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(length: usize) -> Result<Self> {
        // SAFETY: mapping fresh memory at an address of the kernel's choice touches nothing that exists.
        unsafe {
            let (base, memory) = match secret(length) {
                Some(base) => (base, Memory::Secret),
                None => (
                    locked(length).ok_or(Error::new(Kind::Unavailable))?,
                    Memory::Locked,
                ),
            };
            Ok(Self {
                base,
                length,
                memory,
            })
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and its last cell is gone. Failing to unmap would leave wiped pages behind.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.length) };
    }
}

/// Maps pages that stay for as long as the process does.
pub fn forever(length: usize) -> Result<(&'static mut [u8], Memory)> {
    let mapping = Mapping::new(length)?;
    let memory = mapping.memory;
    // SAFETY: so many bytes are mapped, zero, and nobody else's; forgotten, the mapping is never undone.
    let bytes = unsafe { slice::from_raw_parts_mut(mapping.base.as_ptr(), length) };
    std::mem::forget(mapping);
    Ok((bytes, memory))
}

/// How many bytes this process may keep in such pages.
pub fn lockable() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is ours to write.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } == 0;
    // Where there is no limit, the machine's own is far off.
    let most = 1 << 30;
    if known {
        usize::try_from(limit.rlim_cur).unwrap_or(most).min(most)
    } else {
        0
    }
}

#[cfg(target_os = "linux")]
unsafe fn secret(length: usize) -> Option<NonNull<u8>> {
    // SAFETY: plain system calls; the descriptor is closed once the mapping holds the file.
    unsafe {
        let file = i32::try_from(libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC))
            .ok()
            .filter(|fd| *fd >= 0)?;
        let sized = libc::ftruncate(file, libc::off_t::try_from(length).ok()?) == 0;
        let base = if sized {
            map(length, libc::MAP_SHARED, file)
        } else {
            None
        };
        libc::close(file);
        let base = base?;
        // A child would share these pages, not copy them.
        libc::madvise(base.as_ptr().cast(), length, libc::MADV_DONTFORK);
        Some(base)
    }
}

#[cfg(not(target_os = "linux"))]
unsafe fn secret(_length: usize) -> Option<NonNull<u8>> {
    None
}

unsafe fn locked(length: usize) -> Option<NonNull<u8>> {
    // SAFETY: plain system calls on a mapping of our own.
    unsafe {
        let base = map(length, libc::MAP_PRIVATE | libc::MAP_ANON, -1)?;
        let at = base.as_ptr().cast();
        #[cfg(target_os = "linux")]
        {
            libc::madvise(at, length, libc::MADV_DONTDUMP);
            libc::madvise(at, length, libc::MADV_DONTFORK);
        }
        if libc::mlock(at, length) != 0 {
            libc::munmap(at, length);
            return None;
        }
        Some(base)
    }
}

unsafe fn map(length: usize, flags: libc::c_int, file: libc::c_int) -> Option<NonNull<u8>> {
    // SAFETY: no address is asked for, so nothing existing is replaced.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            file,
            0,
        )
    };
    NonNull::new(base.cast()).filter(|_| base != libc::MAP_FAILED)
}

/// One page that a forked child finds filled with zeros: how a buffer of random bytes notices that it was copied.
pub struct ForkPage(Mapping);

impl ForkPage {
    pub const SIZE: usize = 4096;

    /// None where the kernel cannot do it.
    #[cfg(target_os = "linux")]
    pub fn new() -> Option<Self> {
        // SAFETY: plain system calls on a mapping of our own.
        unsafe {
            let base = map(Self::SIZE, libc::MAP_PRIVATE | libc::MAP_ANON, -1)?;
            let page = Self(Mapping {
                base,
                length: Self::SIZE,
                memory: Memory::Locked,
            });
            let at = base.as_ptr().cast();
            libc::madvise(at, Self::SIZE, libc::MADV_DONTDUMP);
            // Past the lock limit the bytes can be swapped like any other of this process: they are its future, not its keys.
            libc::mlock(at, Self::SIZE);
            (libc::madvise(at, Self::SIZE, libc::MADV_WIPEONFORK) == 0).then_some(page)
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn new() -> Option<Self> {
        None
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the page is mapped, zero-filled at first, and owned by `self`.
        unsafe { slice::from_raw_parts_mut(self.0.base.as_ptr(), Self::SIZE) }
    }
}

impl Drop for ForkPage {
    fn drop(&mut self) {
        sys::wipe(self.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both kinds of memory, whichever this machine would choose.
    #[test]
    fn cells_are_apart_and_blank_when_they_are_made() {
        let mut cells = Cell::<96>::many(1000).unwrap();
        for (number, cell) in cells.iter_mut().enumerate() {
            assert_eq!(cell[..], [0; 96]);
            cell.fill(u8::try_from(number % 251).unwrap() + 1);
        }
        for (number, cell) in cells.iter().enumerate() {
            assert_eq!(cell[..], [u8::try_from(number % 251).unwrap() + 1; 96]);
        }
    }

    #[test]
    fn a_cell_is_wiped_when_it_goes() {
        let mut cells = Cell::<32>::many(2).unwrap();
        cells[0].fill(7);
        let at = cells[0].at;
        drop(cells.remove(0));
        // SAFETY: the other cell keeps the mapping alive.
        assert_eq!(unsafe { *at.as_ref() }, [0; 32]);
        assert_eq!(format!("{:?}", cells[0]), "…");
    }

    #[test]
    fn locked_memory_serves_where_there_is_no_secret_memory() {
        // SAFETY: the mapping is used inside its length, and unmapped by its owner.
        unsafe {
            let base = locked(4096).unwrap();
            let _owner = Mapping {
                base,
                length: 4096,
                memory: Memory::Locked,
            };
            base.as_ptr().write_bytes(1, 4096);
            assert_eq!(base.as_ptr().add(4095).read(), 1);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn secret_memory_is_hidden_from_everybody_who_reads_the_process() {
        use std::{fs::File, os::unix::fs::FileExt};
        let mut cell = Cell::<32>::one().unwrap();
        cell.fill(7);
        let mut seen = [0; 32];
        let address = cell.at.as_ptr() as u64;
        let read = File::open("/proc/self/mem")
            .unwrap()
            .read_at(&mut seen, address);
        match cell.memory() {
            Memory::Secret => assert!(
                read.is_err(),
                "even the process itself cannot read them through the kernel"
            ),
            Memory::Locked | Memory::Ordinary => assert_eq!(seen, [7; 32]),
        }
    }
}
