//! Whether a request is plainly in order: one form of each thing, and a signature we can confirm. Whatever is said another way,
//! however right, is for whoever is behind.

use aws_lc_rs::digest;

use crate::{
    request::{Field, Fields},
    trust::Trusts,
};

/// A request that somebody we believe has signed.
pub struct Signed {
    pub trust: u32,
    /// When the sender says it was sent: seconds after 1970.
    pub sent: u32,
}

const ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256 ";
/// What decides the meaning of a request, and has to be signed where it is present.
const COVERED: [&[u8]; 3] = [b"x-amz-target", b"x-amz-date", b"x-amz-security-token"];

/// Who signed the request `POST /` with these fields and this body, if it is plain and somebody we believe.
pub fn signed(fields: &Fields<'_>, body: &[u8], trusts: &Trusts) -> Option<Signed> {
    let once = |name: &[u8]| match fields.get(name) {
        Field::Once(value) => Some(value),
        _ => None,
    };
    let (credential, names, signature) = authorization(once(b"authorization")?)?;
    let date = once(b"x-amz-date")?;
    let sent = seconds(date)?;
    let mut parts = credential.splitn(3, |&byte| byte == b'/');
    let (key_id, day) = (parts.next()?, parts.next()?);
    if day != &date[..8] {
        return None;
    }
    let token = match fields.get(b"x-amz-security-token") {
        Field::Absent => None,
        Field::Once(token) => Some(token),
        Field::Several => return None,
    };
    for name in COVERED {
        if fields.get(name) != Field::Absent && !lists(names, name) {
            return None;
        }
    }
    if !lists(names, b"host") {
        return None;
    }

    let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
    match fields.get(b"x-amz-content-sha256") {
        Field::Absent => {}
        Field::Once(claimed) if claimed == hash => {}
        _ => return None,
    }
    let mut canonical = digest::Context::new(&digest::SHA256);
    canonical.update(b"POST\n/\n\n");
    for name in names.split(|&byte| byte == b';') {
        let value = once(name)?;
        if !is_plain(name, value) {
            return None;
        }
        canonical.update(name);
        canonical.update(b":");
        canonical.update(value);
        canonical.update(b"\n");
    }
    canonical.update(b"\n");
    canonical.update(names);
    canonical.update(b"\n");
    canonical.update(&hash);

    let scope = &credential[key_id.len() + 1..];
    let mut text = Vec::with_capacity(ALGORITHM.len() + date.len() + scope.len() + 67);
    text.extend_from_slice(b"AWS4-HMAC-SHA256\n");
    text.extend_from_slice(date);
    text.push(b'\n');
    text.extend_from_slice(scope);
    text.push(b'\n');
    text.extend_from_slice(&hex(canonical.finish().as_ref()));
    let trust = trusts.signer(credential, token, &text, &unhex(signature)?)?;
    Some(Signed { trust, sent })
}

/// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, as all SDKs write it.
fn authorization(header: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let rest = header.strip_prefix(ALGORITHM)?;
    let mut parts = rest.splitn(3, |&byte| byte == b',');
    let mut value = |name: &[u8]| {
        let part = parts.next()?;
        part.strip_prefix(b" ").unwrap_or(part).strip_prefix(name)
    };
    let found = (
        value(b"Credential=")?,
        value(b"SignedHeaders=")?,
        value(b"Signature=")?,
    );
    Some(found)
}

fn lists(names: &[u8], name: &[u8]) -> bool {
    names.split(|&byte| byte == b';').any(|each| each == name)
}

/// A field whose canonical form is the one it has.
fn is_plain(name: &[u8], value: &[u8]) -> bool {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    // What is not ASCII is read in more ways than one.
    value.is_ascii()
        && !name.is_empty()
        && !name.iter().any(u8::is_ascii_uppercase)
        && !value.contains(&b'\t')
        && !value.first().is_some_and(blank)
        && !value.last().is_some_and(blank)
        && !value.windows(2).any(|two| two == b"  ")
}

/// `20150830T123600Z`, as seconds after 1970.
fn seconds(date: &[u8]) -> Option<u32> {
    if date.len() != 16 || date[8] != b'T' || date[15] != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        date[range].iter().try_fold(0_u32, |sum, &byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + u32::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(9..11)?, number(11..13)?, number(13..15)?);
    let sound = (1970..2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !sound {
        return None;
    }
    // Civil dates count from March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8]) -> [u8; 64] {
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// 64 lower-case digits.
fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, expected) in [
            ("19700101T000000Z", Some(0)),
            ("20000229T000000Z", Some(951_782_400)),
            ("20150830T123600Z", Some(1_440_938_160)),
            ("20150830T243600Z", None),
            ("20151330T123600Z", None),
            ("20150832T123600Z", None),
            ("20150830 123600Z", None),
            ("2015083x0123600Z", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), expected, "{text}");
        }
    }
}
