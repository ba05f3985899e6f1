//! A front as clients and whoever is behind it see it, over real sockets.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use aws_lc_rs::{digest, hmac};
use front::{AGAIN, CLOSED, Front, Limits, OPENED, STRAY, TRUSTED, UNCHANGED, WHOLE};

const LIMITS: Limits = Limits {
    connections: 4,
    head: 16 * 1024,
    body: 4096,
    heads: Duration::from_millis(600),
    requests: Duration::from_millis(900),
    idle: Duration::from_millis(1500),
};
const CREDENTIAL: &str = "AKID/20261124/us-east-1/kms/aws4_request";
const KEY: [u8; 32] = [7; 32];

/// A record as whoever is behind reads it.
#[derive(Debug)]
struct Record {
    kind: u32,
    connection: u32,
    turn: u32,
    words: [u32; 3],
    agent: Option<String>,
    bytes: Vec<u8>,
}

struct Scene {
    front: Front,
    told: Receiver<()>,
    waiting: RefCell<VecDeque<Record>>,
}

impl Scene {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (tell, told) = channel();
        let targets = vec![
            "TrentService.Encrypt".to_owned(),
            "TrentService.Decrypt".to_owned(),
        ];
        let tell = move || tell.send(()).unwrap_or(());
        let front = Front::start(listener, targets, LIMITS, tell).expect("a front");
        Self {
            front,
            told,
            waiting: RefCell::default(),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.front.address()).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a time-out");
        stream
    }

    /// The next record of this kind; others before it are passed over.
    fn next(&self, kind: u32) -> Record {
        let begun = Instant::now();
        loop {
            while let Some(record) = self.waiting.borrow_mut().pop_front() {
                if record.kind == kind {
                    return record;
                }
            }
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "no record of the kind {kind}"
            );
            let _ = self.told.recv_timeout(Duration::from_millis(50));
            let mut out = vec![0; 64 * 1024];
            loop {
                let length = self.front.take(&mut out);
                if length == 0 {
                    break;
                }
                self.waiting.borrow_mut().extend(records(&out[..length]));
            }
        }
    }

    fn answer(&self, record: &Record, text: &str, last: bool) {
        let bytes = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        let length = u32::try_from(bytes.len()).expect("a short answer");
        self.put(record, last, length, bytes.as_bytes());
    }

    fn put(&self, record: &Record, last: bool, length: u32, bytes: &[u8]) {
        let words = [record.connection, record.turn, last.into(), length];
        let head: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.front.answer(&[&head, bytes].concat());
    }
}

fn records(mut bytes: &[u8]) -> Vec<Record> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let word = |place: usize| {
            u32::from_le_bytes(
                bytes[place * 4..place * 4 + 4]
                    .try_into()
                    .expect("four bytes"),
            )
        };
        let agent = if word(6) == UNCHANGED {
            0
        } else {
            word(6) as usize
        };
        let (from, end) = (32 + agent, 32 + agent + word(7) as usize);
        found.push(Record {
            kind: word(0),
            connection: word(1),
            turn: word(2),
            words: [word(3), word(4), word(5)],
            agent: (word(6) != UNCHANGED)
                .then(|| String::from_utf8(bytes[32..from].to_vec()).expect("a text")),
            bytes: bytes[from..end].to_vec(),
        });
        bytes = &bytes[end.next_multiple_of(4)..];
    }
    found
}

/// A signed request, with one thing changed after signing.
fn request(body: &str, change: impl Fn(String) -> String) -> Vec<u8> {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    let hash = |text: &[u8]| hex(digest::digest(&digest::SHA256, text).as_ref());
    let date = "20261124T153000Z";
    let names = "content-type;host;x-amz-date;x-amz-target";
    let canonical = format!(
        "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:h\nx-amz-date:{date}\nx-amz-target:TrentService.Decrypt\n\n{names}\n{}",
        hash(body.as_bytes())
    );
    let scope = CREDENTIAL.split_once('/').expect("a scope").1;
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hash(canonical.as_bytes())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &KEY);
    let signature = hex(hmac::sign(&key, text.as_bytes()).as_ref());
    let whole = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: tests\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Date: {date}\r\nX-Amz-Target: TrentService.Decrypt\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders={names}, Signature={signature}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    change(whole).into_bytes()
}

fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("an answer");
    String::from_utf8(bytes).expect("a text")
}

#[test]
fn a_request_is_trusted_once_its_credential_is() {
    let scene = Scene::new();
    let mut stream = scene.connect();
    assert_eq!(scene.next(OPENED).bytes, b"127.0.0.1");
    stream
        .write_all(&request("{}", |whole| whole))
        .expect("a request");
    let first = scene.next(WHOLE);
    assert!(
        first.bytes.starts_with(b"POST / HTTP/1.1\r\n") && first.bytes.ends_with(b"\r\n\r\n{}")
    );
    assert_eq!(&first.bytes[first.words[0] as usize..], b"{}");
    let trust = scene.front.trust(CREDENTIAL.as_bytes(), None, &KEY);
    scene.answer(&first, "one", false);
    assert!(read(&mut stream, 41).ends_with("one"));

    stream
        .write_all(&request("{}", |whole| whole))
        .expect("a request");
    let second = scene.next(TRUSTED);
    assert_eq!((second.turn, second.words), (1, [1, trust, 1_795_534_200]));
    assert_eq!(
        (second.agent.as_deref(), &second.bytes[..]),
        (Some("tests"), &b"{}"[..])
    );
    scene.answer(&second, "two", false);
    assert!(read(&mut stream, 41).ends_with("two"));

    stream
        .write_all(&request("{}", |whole| whole))
        .expect("a request");
    let third = scene.next(TRUSTED);
    assert_eq!(third.agent, None);
    // Who is behind may want all of it still.
    scene.put(&third, false, AGAIN, b"");
    assert_eq!(scene.next(WHOLE).bytes, first.bytes);
    drop(stream);
    scene.answer(&third, "three", false);
    scene.next(CLOSED);
}

#[test]
fn what_is_not_plainly_in_order_is_not_trusted() {
    let scene = Scene::new();
    scene.front.trust(CREDENTIAL.as_bytes(), None, &KEY);
    let mut stream = scene.connect();
    let cases: [(&str, &dyn Fn(String) -> String); 13] = [
        ("another body", &|whole| whole.replace("{}", "[]")),
        ("another signature", &|whole| {
            whole.replace("Signature=", "Signature=0")
        }),
        ("another header that was signed", &|whole| {
            whole.replace("Host: h", "Host: g")
        }),
        ("a target that is not signed", &|whole| {
            whole.replace(";x-amz-target", "")
        }),
        ("a date of another day", &|whole| {
            whole.replace("X-Amz-Date: 20261124", "X-Amz-Date: 20261125")
        }),
        ("a target twice", &|whole| {
            whole.replace("Host: h", "Host: h\r\nX-Amz-Target: TrentService.Decrypt")
        }),
        ("another target", &|whole| {
            whole.replace("TrentService.Decrypt", "TrentService.Encrypt")
        }),
        ("a target that nobody named", &|whole| {
            whole.replace("TrentService.Decrypt", "TrentService.None")
        }),
        ("a session token that was not asked for", &|whole| {
            whole.replace("Host: h", "Host: h\r\nX-Amz-Security-Token: t")
        }),
        ("a hash of another body", &|whole| {
            whole.replace(
                "Host: h",
                &format!("Host: h\r\nX-Amz-Content-Sha256: {}", "0".repeat(64)),
            )
        }),
        ("a grant that is to end", &|whole| {
            whole.replace("Host: h", "Host: h\r\nX-Strongroom-Grant-Expires-In: 60")
        }),
        ("another media type", &|whole| {
            whole.replace("json-1.1\r\n", "json-1.0\r\n")
        }),
        ("another credential", &|whole| {
            whole.replace("Credential=AKID", "Credential=OTHER")
        }),
    ];
    for (what, change) in cases {
        stream.write_all(&request("{}", change)).expect("a request");
        let record = scene.next(WHOLE);
        scene.answer(&record, what, false);
        let digits = what.len().to_string().len();
        assert!(read(&mut stream, 37 + digits + what.len()).ends_with(what));
    }
    stream
        .write_all(&request("{}", |whole| whole))
        .expect("a request");
    scene.next(TRUSTED);
}

#[test]
fn a_session_is_trusted_with_its_token_alone() {
    let scene = Scene::new();
    let mut stream = scene.connect();
    scene
        .front
        .trust(CREDENTIAL.as_bytes(), Some(b"token"), &KEY);
    stream
        .write_all(&request("{}", |whole| whole))
        .expect("a request");
    scene.next(WHOLE);
}

#[test]
fn requests_in_a_row_are_served_in_their_order() {
    let scene = Scene::new();
    let mut stream = scene.connect();
    let three: Vec<u8> = ["a", "b", "c"]
        .iter()
        .flat_map(|body| request(body, |whole| whole))
        .collect();
    for byte in &three[..200] {
        stream.write_all(&[*byte]).expect("a byte");
    }
    stream.write_all(&three[200..]).expect("the rest");
    for body in ["a", "b", "c"] {
        let record = scene.next(WHOLE);
        assert!(record.bytes.ends_with(body.as_bytes()));
        scene.answer(&record, body, body == "c");
    }
    let mut answers = String::new();
    stream
        .read_to_string(&mut answers)
        .expect("answers, and an end");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3);
    assert!(answers.find("\r\n\r\na") < answers.find("\r\n\r\nb"));
}

#[test]
fn what_is_not_for_it_strays_with_all_that_was_read() {
    let scene = Scene::new();
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n",
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        "nonsense",
        "\u{16}\u{3}\u{1}",
    ] {
        let mut stream = scene.connect();
        stream.write_all(text.as_bytes()).expect("a text");
        let record = scene.next(STRAY);
        assert_eq!(
            (record.bytes, record.words[2]),
            (text.as_bytes().to_vec(), 0)
        );
        // The descriptor itself is tried where it is used, by node:http.
        assert!(record.words[0] > 2);
        scene.front.stray_ended();
    }
}

#[test]
fn who_dawdles_strays_as_late_and_who_is_silent_is_ended() {
    let scene = Scene::new();
    let mut slow = scene.connect();
    let mut idle = scene.connect();
    slow.write_all(b"POST / HTTP/1.1\r\nHost")
        .expect("half a head");
    let record = scene.next(STRAY);
    assert_eq!(record.words[2], 1);
    let begun = Instant::now();
    assert_eq!(idle.read(&mut [0]).expect("an end"), 0);
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let scene = Scene::new();
    let kept: Vec<TcpStream> = (0..4).map(|_| scene.connect()).collect();
    for _ in &kept {
        scene.next(OPENED);
    }
    assert_eq!(scene.connect().read(&mut [0]).unwrap_or(0), 0);
    drop(kept);
}

#[test]
fn closing_ends_what_is_idle_and_answers_what_was_asked() {
    let scene = Scene::new();
    let (mut idle, mut busy) = (scene.connect(), scene.connect());
    busy.write_all(&request("{}", |whole| whole))
        .expect("a request");
    let record = scene.next(WHOLE);
    scene.front.close();
    assert!(!scene.front.ended());
    assert_eq!(idle.read(&mut [0]).expect("an end"), 0);
    scene.answer(&record, "bye", false);
    let mut answer = String::new();
    busy.read_to_string(&mut answer)
        .expect("an answer, and an end");
    assert!(answer.ends_with("bye"));
    scene.front.join();
    assert!(scene.front.ended());
    assert!(TcpStream::connect(scene.front.address()).is_err());
}

#[test]
fn aborting_ends_everything() {
    let scene = Scene::new();
    let mut busy = scene.connect();
    busy.write_all(&request("{}", |whole| whole))
        .expect("a request");
    scene.next(WHOLE);
    scene.front.abort();
    scene.front.join();
    assert_eq!(busy.read(&mut [0]).unwrap_or(0), 0);
}
