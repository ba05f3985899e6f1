//! What the front has for whoever is behind, as one row of records; and answers on their way back.
//!
//! A record is eight words of 32 bits, little endian, and then its bytes, filled up to a whole word:
//!
//! | word | |
//! |---|---|
//! | 0 | what it is |
//! | 1 | the connection's number |
//! | 2 | the turn: how many requests the connection had before; answers name it |
//! | 3 | the target, by its place among those that were named; of a whole request, the length of its head |
//! | 4 | who signed, as `trust` called it |
//! | 5 | when it was sent, in seconds after 1970 |
//! | 6 | the length of the user agent, which comes first among the bytes; `UNCHANGED` when it is the connection's last |
//! | 7 | the length of what follows: a body, a head and a body, an address, or what was read of a stray connection |
//!
//! An answer is four such words, and then its bytes; a row of them has nothing in between.
//!
//! | word | |
//! |---|---|
//! | 0 | the connection's number |
//! | 1 | the turn |
//! | 2 | 1 when it is the connection's last |
//! | 3 | the length of the answer; `AGAIN` has the request handed on whole |

use std::sync::{Mutex, PoisonError};

/// A request that is in order.
pub const TRUSTED: u32 = 1;
/// A request as it came.
pub const WHOLE: u32 = 2;
/// A connection, and where it comes from.
pub const OPENED: u32 = 3;
/// A connection that is no more.
pub const CLOSED: u32 = 4;
/// A connection that is given away: word 3 is its file descriptor, word 5 is 1 when it was too slow.
pub const STRAY: u32 = 5;
/// The user agent is the last one of the connection.
pub const UNCHANGED: u32 = u32::MAX;

/// In the place of an answer: the request is wanted as it came.
pub const AGAIN: u32 = u32::MAX;

const WORDS: usize = 8;
const ANSWER_WORDS: usize = 4;

/// The head of a record.
#[derive(Clone, Copy, Default)]
pub struct Head {
    pub kind: u32,
    pub connection: u32,
    pub turn: u32,
    pub target: u32,
    pub trust: u32,
    pub sent: u32,
}

#[derive(Default)]
pub struct Mailbox(Mutex<Row>);

#[derive(Default)]
struct Row {
    bytes: Vec<u8>,
    /// What was taken of them.
    taken: usize,
    /// Whoever is behind was told that there is something, and did not find the row empty since.
    told: bool,
}

impl Mailbox {
    /// Puts a record behind the others; whether it has to be told of.
    pub fn put(&self, head: Head, agent: Option<&[u8]>, parts: &[&[u8]]) -> bool {
        let mut row = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = parts.iter().map(|part| part.len()).sum();
        let words = [
            head.kind,
            head.connection,
            head.turn,
            head.target,
            head.trust,
            head.sent,
            agent.map_or(UNCHANGED, |agent| word(agent.len())),
            word(length),
        ];
        for each in words {
            row.bytes.extend_from_slice(&each.to_le_bytes());
        }
        row.bytes.extend_from_slice(agent.unwrap_or_default());
        for part in parts {
            row.bytes.extend_from_slice(part);
        }
        let whole = row.bytes.len().next_multiple_of(4);
        row.bytes.resize(whole, 0);
        !std::mem::replace(&mut row.told, true)
    }

    /// Copies whole records to `out`; how many bytes.
    pub fn take(&self, out: &mut [u8]) -> usize {
        let mut row = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = &row.bytes[row.taken..];
        let mut end = 0;
        while let Some(length) = record(&waiting[end..]) {
            if end + length > out.len() {
                break;
            }
            end += length;
        }
        out[..end].copy_from_slice(&waiting[..end]);
        row.taken += end;
        if row.taken == row.bytes.len() {
            row.bytes.clear();
            row.taken = 0;
            row.told = end > 0;
        } else if row.taken * 2 > row.bytes.len() {
            // Whoever is behind may be so for long: what was taken is not kept until it has caught up.
            let taken = std::mem::take(&mut row.taken);
            row.bytes.drain(..taken);
        }
        end
    }
}

/// The length of the record at the beginning of `bytes`.
fn record(bytes: &[u8]) -> Option<usize> {
    let word = |place: usize| {
        let four = bytes.get(place * 4..place * 4 + 4)?;
        Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    };
    let agent = word(6).map(|length| {
        if length == UNCHANGED {
            0
        } else {
            length as usize
        }
    })?;
    Some((WORDS * 4 + agent + word(7)? as usize).next_multiple_of(4))
}

/// What becomes of a request.
pub struct Answer<'row> {
    pub connection: u32,
    pub turn: u32,
    pub last: bool,
    /// A whole answer; without one the request is handed on as it came.
    pub bytes: Option<&'row [u8]>,
}

/// The answers of a row, up to where it is none.
pub fn answers(mut row: &[u8]) -> impl Iterator<Item = Answer<'_>> {
    std::iter::from_fn(move || {
        let (head, rest) = row.split_at_checked(ANSWER_WORDS * 4)?;
        let word = |place: usize| {
            u32::from_le_bytes(
                head[place * 4..place * 4 + 4]
                    .try_into()
                    .expect("four bytes"),
            )
        };
        let again = word(3) == AGAIN;
        let length = if again { 0 } else { word(3) as usize };
        let (bytes, rest) = rest.split_at_checked(length)?;
        row = rest;
        let bytes = (!again).then_some(bytes);
        Some(Answer {
            connection: word(0),
            turn: word(1),
            last: word(2) == 1,
            bytes,
        })
    })
}

fn word(length: usize) -> u32 {
    u32::try_from(length).expect("nothing that is kept is that long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_let_go_of_though_there_is_always_more() {
        let mailbox = Mailbox::default();
        let body = [7; 1000];
        let record = WORDS * 4 + body.len();
        let mut out = vec![0; record];
        for _ in 0..4 {
            mailbox.put(Head::default(), None, &[&body]);
        }
        for _ in 0..1000 {
            mailbox.put(Head::default(), None, &[&body]);
            assert_eq!(mailbox.take(&mut out), record);
            assert_eq!(out[record - 1], 7);
        }
        let kept = mailbox.0.lock().expect("nobody panicked").bytes.len();
        assert!(kept <= 12 * record, "{kept} bytes are kept for 4 records");
    }
}
