//! A request at the beginning of what a connection has sent: whether it is one for us, and whether it is whole.

use std::ops::Range;

/// Header fields of a request at the most; one with more strays.
const FIELDS: usize = 64;

/// What is at the beginning of a connection's bytes.
#[expect(
    clippy::large_enum_variant,
    reason = "it is looked at once, on the stack"
)]
pub enum Seen<'bytes> {
    /// Not all of the head yet, or of the body.
    Partial,
    /// Nothing for us.
    Foreign,
    Request(Request<'bytes>),
}

/// A whole `POST /` with a body of known length.
pub struct Request<'bytes> {
    pub fields: Fields<'bytes>,
    pub body: Range<usize>,
    /// The client will not send another one here.
    pub last: bool,
}

/// Header fields in the order they came.
pub struct Fields<'bytes> {
    list: [httparse::Header<'bytes>; FIELDS],
    count: usize,
}

/// How often a field is there, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'bytes> {
    Absent,
    Once(&'bytes [u8]),
    /// Several of one name, which mean what whoever is behind says.
    Several,
}

impl<'bytes> Fields<'bytes> {
    pub fn get(&self, name: &[u8]) -> Field<'bytes> {
        let mut found = Field::Absent;
        for header in &self.list[..self.count] {
            if header.name.len() == name.len() && header.name.as_bytes().eq_ignore_ascii_case(name)
            {
                if found != Field::Absent {
                    return Field::Several;
                }
                found = Field::Once(header.value);
            }
        }
        found
    }
}

/// Looks at `bytes`; bodies are `longest` bytes at the most, and heads `head`.
pub fn look(bytes: &[u8], head: usize, longest: usize) -> Seen<'_> {
    let mut list = [httparse::EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Request::new(&mut list);
    let start = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        // What cannot become one of ours need not be waited for.
        Ok(httparse::Status::Partial) if bytes.len() < head && begins_like_ours(bytes) => {
            return Seen::Partial;
        }
        _ => return Seen::Foreign,
    };
    let count = parsed.headers.len();
    if !begins_like_ours(bytes) || start > head || !is_strict(&bytes[..start]) {
        return Seen::Foreign;
    }
    let fields = Fields { list, count };
    let odd = [&b"transfer-encoding"[..], b"expect", b"upgrade"]
        .iter()
        .any(|name| fields.get(name) != Field::Absent);
    let Field::Once(length) = fields.get(b"content-length") else {
        return Seen::Foreign;
    };
    let Some(length) = number(length).filter(|&length| !odd && length <= longest) else {
        return Seen::Foreign;
    };
    let last = match fields.get(b"connection") {
        Field::Absent => false,
        Field::Once(value) if value.eq_ignore_ascii_case(b"keep-alive") => false,
        Field::Once(value) if value.eq_ignore_ascii_case(b"close") => true,
        _ => return Seen::Foreign,
    };
    let body = start..start + length;
    if bytes.len() < body.end {
        Seen::Partial
    } else {
        Seen::Request(Request { fields, body, last })
    }
}

/// Whether each line ends as HTTP has it; the parser is content with less.
fn is_strict(head: &[u8]) -> bool {
    let mut before = 0;
    head.iter().all(|&byte| {
        let ends = byte != b'\n' || before == b'\r';
        before = byte;
        ends
    })
}

fn begins_like_ours(bytes: &[u8]) -> bool {
    let ours = b"POST / HTTP/1.1\r\n";
    let length = bytes.len().min(ours.len());
    bytes[..length] == ours[..length]
}

fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')),
    )
}
