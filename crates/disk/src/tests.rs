//! Published vectors on the cipher, and what is ours: sectors, their numbers, and keys that are refused.

use super::*;

const VECTORS: &str = include_str!("../tests/vectors/xts-aes-256.txt");

fn key() -> [u8; KEY] {
    std::array::from_fn(|at| u8::try_from(at).unwrap())
}

fn bytes<const LENGTH: usize>(hex: &str) -> [u8; LENGTH] {
    unhex(hex).try_into().unwrap()
}

fn unhex(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn the_published_vectors_hold_in_both_directions() {
    let mut seen = 0;
    let cases = VECTORS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for case in cases {
        let fields: Vec<&str> = case.split(' ').collect();
        let [tweak, key, plaintext, ciphertext] = fields[..] else {
            panic!("not a case: {case}");
        };
        let (tweak, key) = (bytes(tweak), bytes(key));
        for (direction, from, to) in [
            (Direction::Encrypt, plaintext, ciphertext),
            (Direction::Decrypt, ciphertext, plaintext),
        ] {
            let mut unit = unhex(from);
            assert!(Cipher::new(direction, &key).unwrap().run(tweak, &mut unit));
            assert_eq!(unit, unhex(to), "{case}");
        }
        seen += 1;
    }
    assert_eq!(seen, 165, "all cases of the file");
}

#[test]
fn a_sectors_tweak_is_its_number_in_little_endian_order() {
    let first = 0x0102_0304_0506_0708;
    let plain: Vec<u8> = (0..=250).cycle().take(3 * SECTOR).collect();
    let mut sectors = plain.clone();
    Xts::new(&mut key())
        .unwrap()
        .encrypt(first, &mut sectors)
        .unwrap();
    for (index, sector) in sectors.chunks_exact(SECTOR).enumerate() {
        let mut tweak = [0; 16];
        tweak[..8].copy_from_slice(&(first + index as u64).to_le_bytes());
        let mut unit = plain[index * SECTOR..][..SECTOR].to_vec();
        let mut cipher = Cipher::new(Direction::Encrypt, &key()).unwrap();
        assert!(cipher.run(tweak, &mut unit));
        assert_eq!(unit, sector);
    }
}

#[test]
fn many_sectors_at_once_are_each_sector_alone() {
    let mut xts = Xts::new(&mut key()).unwrap();
    let mut together = vec![9; 4 * SECTOR];
    let mut alone = together.clone();
    xts.encrypt(17, &mut together).unwrap();
    for (number, sector) in (17..).zip(alone.chunks_exact_mut(SECTOR)) {
        xts.encrypt(number, sector).unwrap();
    }
    assert_eq!(together, alone);
    xts.decrypt(17, &mut together).unwrap();
    assert_eq!(together, vec![9; 4 * SECTOR]);
}

#[test]
fn another_key_gives_something_else_and_no_error() {
    let mut sector = [5; SECTOR];
    Xts::new(&mut key())
        .unwrap()
        .encrypt(0, &mut sector)
        .unwrap();
    let mut other = key();
    other[63] ^= 1;
    Xts::new(&mut other)
        .unwrap()
        .decrypt(0, &mut sector)
        .unwrap();
    assert_ne!(sector, [5; SECTOR]);
}

#[test]
fn the_callers_key_is_wiped_even_when_it_is_refused() {
    let mut good = key();
    Xts::new(&mut good).unwrap();
    assert_eq!(good, [0; KEY]);

    let mut weak = [7; KEY];
    assert_eq!(Xts::new(&mut weak).err(), Some(Error::WeakKey));
    assert_eq!(weak, [0; KEY]);
}

#[test]
fn only_whole_sectors_with_numbers_are_taken() {
    let mut xts = Xts::new(&mut key()).unwrap();
    for length in [1, 512, SECTOR - 1, SECTOR + 1] {
        assert_eq!(xts.encrypt(0, &mut vec![1; length]), Err(Error::Sectors));
        assert_eq!(xts.decrypt(0, &mut vec![1; length]), Err(Error::Sectors));
    }
    let mut last = vec![1; SECTOR];
    assert_eq!(xts.encrypt(u64::MAX, &mut last), Err(Error::Sectors));
    assert_eq!(xts.encrypt(u64::MAX - 1, &mut last), Ok(()));
    assert_eq!(xts.encrypt(0, &mut []), Ok(()));
}
