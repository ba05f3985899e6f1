//! Runs against a small server of this process, which stalls, refuses and hangs up on cue.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use load::{Credentials, Pace, Plan, Request, Target, run};

/// What the server does with its n-th request.
type Habit = fn(u64) -> Act;

enum Act {
    Answer,
    Stall(Duration),
    Refuse(&'static str),
    HangUp,
}

fn serve(habit: Habit) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let count = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            thread::spawn(move || converse(stream, habit, &count));
        }
    });
    address
}

fn converse(mut stream: TcpStream, habit: Habit, count: &AtomicU64) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    loop {
        let mut length = 0;
        let mut signed = false;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            signed |= line.starts_with("authorization: AWS4-HMAC-SHA256 Credential=AKID/");
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        assert!(signed, "every request is signed");
        let act = habit(count.fetch_add(1, Ordering::SeqCst));
        let answer = match act {
            Act::Answer => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
            Act::Stall(time) => {
                thread::sleep(time);
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned()
            }
            Act::Refuse(name) => format!(
                "HTTP/1.1 400 Bad Request\r\nx-amzn-errortype: {name}\r\ncontent-length: 0\r\n\r\n"
            ),
            Act::HangUp => return,
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn plan(address: SocketAddr, pace: Pace, connections: usize) -> Plan {
    let request = |kind, body: &str| Request {
        kind,
        method: "POST".into(),
        path: "/".into(),
        headers: vec![("content-type".into(), "application/x-amz-json-1.1".into())],
        body: body.into(),
        signer: Some(0),
    };
    Plan {
        target: Target {
            address,
            host: address.to_string(),
            tls: None,
        },
        requests: vec![request(0, "{}"), request(1, "{\"a\":1}")],
        order: vec![0, 0, 1],
        signers: vec![Credentials {
            access_key_id: "AKID".into(),
            secret_access_key: "secret".into(),
            session_token: None,
            region: "us-east-1".into(),
            service: "kms".into(),
        }],
        kinds: 2,
        connections,
        pace,
        warmup: Duration::from_millis(100),
        duration: Duration::from_secs(1),
    }
}

#[test]
fn a_closed_loop_asks_in_the_order_of_the_plan() {
    let outcome = run(&plan(serve(|_| Act::Answer), Pace::Closed, 4), |_| {}).expect("a run");
    let [first, second] = &outcome.tallies[..] else {
        panic!("two kinds")
    };
    assert!(first.times.len() > 100, "{} answers", first.times.len());
    let share = 2 * second.times.len();
    assert!(
        first.times.len().abs_diff(share) <= 16,
        "two of the first to one of the second"
    );
    assert_eq!(outcome.intervals.len(), 1);
    assert_eq!(outcome.unsent, 0);
}

#[test]
fn a_constant_rate_is_kept() {
    let outcome = run(&plan(serve(|_| Act::Answer), Pace::Open(500.0), 4), |_| {}).expect("a run");
    let answered: u64 = outcome.tallies.iter().map(|tally| tally.times.len()).sum();
    assert_eq!(answered, 500);
    assert!(outcome.busy < 0.9, "busy {}", outcome.busy);
}

#[test]
fn what_a_stall_makes_others_wait_is_counted() {
    // One connection at 100 a second, and an answer that takes half a second: some fifty requests are due meanwhile.
    let habit: Habit = |n| {
        if n == 30 {
            Act::Stall(Duration::from_millis(500))
        } else {
            Act::Answer
        }
    };
    let outcome = run(&plan(serve(habit), Pace::Open(100.0), 1), |_| {}).expect("a run");
    let waited: u64 = outcome
        .tallies
        .iter()
        .map(|tally| tally.times.len() - tally.times.count_between(0, 50_000_000))
        .sum();
    assert!(waited >= 30, "{waited} requests waited");
    assert!(outcome.behind >= Duration::from_millis(300));
}

#[test]
fn refusals_are_counted_by_their_names() {
    let habit: Habit = |n| {
        if n % 2 == 0 {
            Act::Refuse("ThrottlingException")
        } else {
            Act::Answer
        }
    };
    let outcome = run(&plan(serve(habit), Pace::Open(400.0), 2), |_| {}).expect("a run");
    let refused: u64 = outcome
        .tallies
        .iter()
        .filter_map(|tally| tally.errors.get("ThrottlingException"))
        .sum();
    let answered: u64 = outcome.tallies.iter().map(|tally| tally.times.len()).sum();
    assert_eq!(refused + answered, 400);
    assert!(refused.abs_diff(answered) <= 4);
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let habit: Habit = |n| {
        if n % 50 == 49 {
            Act::HangUp
        } else {
            Act::Answer
        }
    };
    let outcome = run(&plan(serve(habit), Pace::Open(400.0), 2), |_| {}).expect("a run");
    let answered: u64 = outcome.tallies.iter().map(|tally| tally.times.len()).sum();
    let broken: u64 = outcome
        .tallies
        .iter()
        .flat_map(|tally| tally.errors.values())
        .sum();
    assert!(outcome.reconnects >= 7, "{} reconnects", outcome.reconnects);
    assert_eq!(answered + broken, 400);
    assert!(broken >= 7);
}

#[test]
fn a_server_that_is_not_there_is_told_of_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    assert!(run(&plan(address, Pace::Closed, 1), |_| {}).is_err());
}
