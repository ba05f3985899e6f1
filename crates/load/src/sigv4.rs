//! AWS Signature Version 4, the client's side.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};

use crate::plan::{Credentials, Request};

/// The headers that sign `request`, sent to `host` at `seconds` after 1970.
pub fn sign(
    request: &Request,
    host: &str,
    credentials: &Credentials,
    seconds: u64,
) -> Vec<(String, String)> {
    let Credentials {
        access_key_id,
        secret_access_key,
        session_token,
        region,
        service,
    } = credentials;
    let moment = moment(seconds);
    let day = &moment[..8];
    let mut added = vec![("x-amz-date".to_owned(), moment.clone())];
    if let Some(token) = session_token {
        added.push(("x-amz-security-token".to_owned(), token.clone()));
    }
    let mut signed: Vec<(String, &str)> = request
        .headers
        .iter()
        .chain(&added)
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    signed.push(("host".to_owned(), host));
    signed.sort();
    let names = signed
        .iter()
        .map(|(name, _)| name.as_str())
        .collect::<Vec<_>>()
        .join(";");
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut canonical = format!("{}\n{path}\n{}\n", request.method, sorted(query));
    for (name, value) in &signed {
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let body = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
    let _ = write!(canonical, "\n{names}\n{body}");
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hash}");
    let secret = format!("AWS4{secret_access_key}");
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &text));
    added.push((
        "authorization".to_owned(),
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        ),
    ));
    added
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// The query's pairs in their order; they are encoded already.
fn sorted(query: &str) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            if pair.contains('=') {
                pair.to_owned()
            } else {
                format!("{pair}=")
            }
        })
        .collect();
    pairs.sort();
    pairs.join("&")
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// `20261124T153000Z`.
fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil dates count from March, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (4_107_542_399, "21000228T235959Z"),
        ] {
            assert_eq!(moment(seconds), expected);
        }
    }

    /// AWS's own test suite, `get-vanilla-query-order-key-case` and `post-header-key-sort`.
    #[test]
    fn signatures_are_those_of_the_published_suite() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
            region: "us-east-1".into(),
            service: "service".into(),
        };
        let request = |method: &str, path: &str, headers: &[(&str, &str)]| Request {
            kind: 0,
            method: method.into(),
            path: path.into(),
            headers: headers
                .iter()
                .map(|&(name, value)| (name.into(), value.into()))
                .collect(),
            body: Vec::new(),
            signer: None,
        };
        let cases = [
            (
                request("GET", "/?Param2=value2&Param1=value1", &[]),
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                request("GET", "/", &[]),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                request("POST", "/", &[("My-Header1", "value1")]),
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
        ];
        for (request, expected) in cases {
            let added = sign(
                &request,
                "example.amazonaws.com",
                &credentials,
                1_440_938_160,
            );
            let (_, authorization) = added.last().expect("a signature");
            assert!(
                authorization.ends_with(expected),
                "{}: {authorization}",
                request.path
            );
        }
    }
}
