//! The run itself: one loop over all connections.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use crate::{
    connection::Connection,
    outcome::{Interval, Outcome, Tally, histogram},
    plan::{Pace, Plan},
    prepared::Prepared,
};

/// Below this the loop looks again instead of sleeping: sleeps are whole milliseconds.
const SPIN: Duration = Duration::from_millis(1);
/// A broken connection is made again after so long.
const PATIENCE: Duration = Duration::from_millis(5);
/// A run that is over waits so long for its last answers.
const GRACE: Duration = Duration::from_secs(5);

/// Asks as planned, and tells `progress` of each second that is over. Fails only when nothing answers at all.
///
/// # Errors
/// What keeps the first connection from being made.
pub fn run(plan: &Plan, mut progress: impl FnMut(&Interval)) -> io::Result<Outcome> {
    // A server that is not there is told of at once, and not as a million errors.
    std::net::TcpStream::connect_timeout(&plan.target.address, Duration::from_secs(5))?;
    let mut run = Run::new(plan)?;
    run.go(&mut progress)?;
    Ok(run.finish())
}

/// What a connection is at.
struct Lane {
    connection: Option<Connection>,
    /// The request under way, and when it was due.
    current: Option<(u32, Instant)>,
    sending: bool,
    /// When to connect again, after it broke.
    retry: Option<Instant>,
}

struct Run<'plan> {
    plan: &'plan Plan,
    poll: Poll,
    lanes: Vec<Lane>,
    idle: VecDeque<usize>,
    prepared: Vec<Prepared>,
    place: usize,
    scratch: Box<[u8]>,
    begun: Instant,
    counted: Instant,
    end: Instant,
    /// Requests that were taken from the schedule.
    due: u64,
    tallies: Vec<Tally>,
    second: Histogram<u64>,
    second_failed: u64,
    seconds: u32,
    intervals: Vec<Interval>,
    waited: Duration,
    behind: Duration,
    reconnects: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl<'plan> Run<'plan> {
    fn new(plan: &'plan Plan) -> io::Result<Self> {
        let begun = Instant::now();
        let counted = begun + plan.warmup;
        let mut run = Self {
            plan,
            poll: Poll::new()?,
            lanes: Vec::new(),
            idle: VecDeque::new(),
            prepared: plan.requests.iter().map(|_| Prepared::default()).collect(),
            place: 0,
            scratch: vec![0; 64 * 1024].into_boxed_slice(),
            begun,
            counted,
            end: counted + plan.duration,
            due: 0,
            tallies: (0..plan.kinds)
                .map(|_| Tally {
                    times: histogram(),
                    errors: BTreeMap::new(),
                })
                .collect(),
            second: histogram(),
            second_failed: 0,
            seconds: 0,
            intervals: Vec::new(),
            waited: Duration::ZERO,
            behind: Duration::ZERO,
            reconnects: 0,
            bytes_in: 0,
            bytes_out: 0,
        };
        for lane in 0..plan.connections {
            run.lanes.push(Lane {
                connection: None,
                current: None,
                sending: false,
                retry: None,
            });
            run.connect(lane);
            run.idle.push_back(lane);
        }
        Ok(run)
    }

    fn go(&mut self, progress: &mut impl FnMut(&Interval)) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        // Nothing is signed for the first time while it is due.
        for request in 0..self.prepared.len().min(100_000) {
            self.prepare(request);
        }
        self.restart();
        loop {
            let now = Instant::now();
            self.tick(now, progress);
            let over = now >= self.end;
            if !over {
                self.launch(now);
            }
            let underway = self.lanes.iter().any(|lane| lane.current.is_some());
            if over && (!underway || now >= self.end + GRACE) {
                return Ok(());
            }
            self.reconnect(now);
            let timeout = self.timeout(Instant::now());
            let asleep = Instant::now();
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let (from, to) = (asleep.max(self.counted), Instant::now().min(self.end));
            self.waited += to.saturating_duration_since(from);
            for event in &events {
                self.advance(event.token().0);
            }
        }
    }

    /// Time begins when everything is ready.
    fn restart(&mut self) {
        self.begun = Instant::now();
        self.counted = self.begun + self.plan.warmup;
        self.end = self.counted + self.plan.duration;
    }

    /// Sends what is due, as far as connections are idle.
    fn launch(&mut self, now: Instant) {
        while let Some(&lane) = self.idle.front() {
            let due = match self.plan.pace {
                Pace::Closed => now,
                Pace::Open(rate) => self.moment(rate, self.due),
            };
            if due > now {
                return;
            }
            self.idle.pop_front();
            self.due += 1;
            if due >= self.counted {
                self.behind = self.behind.max(now - due);
            }
            let request = self.plan.order[self.place];
            self.place = (self.place + 1) % self.plan.order.len();
            self.lanes[lane].current = Some((request, due));
            self.lanes[lane].sending = true;
            if let Some(connection) = &mut self.lanes[lane].connection {
                connection.begin();
                self.advance(lane);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 requests")]
    fn moment(&self, rate: f64, number: u64) -> Instant {
        self.begun + Duration::from_secs_f64(number as f64 / rate)
    }

    /// How long nothing is to be done unless a socket has news.
    fn timeout(&self, now: Instant) -> Duration {
        let next = match self.plan.pace {
            Pace::Open(rate) if !self.idle.is_empty() && now < self.end => {
                self.moment(rate, self.due).saturating_duration_since(now)
            }
            _ => Duration::from_millis(50),
        };
        let retry = self.lanes.iter().filter_map(|lane| lane.retry).min();
        let retry = retry.map_or(next, |at| at.saturating_duration_since(now));
        let wait = next.min(retry).min(Duration::from_millis(50));
        if wait < SPIN {
            Duration::ZERO
        } else {
            wait.checked_sub(SPIN).unwrap()
        }
    }

    /// Goes on with a connection as far as it goes.
    fn advance(&mut self, lane: usize) {
        if let Err(error) = self.exchange(lane) {
            self.broke(lane, &error);
        }
    }

    fn exchange(&mut self, lane: usize) -> io::Result<()> {
        let Some((request, due)) = self.lanes[lane].current else {
            return self.listen(lane);
        };
        if self.lanes[lane].sending {
            self.prepare(request as usize);
            let Lane {
                connection: Some(connection),
                sending,
                ..
            } = &mut self.lanes[lane]
            else {
                return Ok(());
            };
            let bytes = &self.prepared[request as usize].bytes;
            if !connection.send(bytes)? {
                return Ok(());
            }
            *sending = false;
            self.bytes_out += bytes.len() as u64;
            // There is no answer yet; the socket tells when there is.
            return Ok(());
        }
        let Some(connection) = &mut self.lanes[lane].connection else {
            return Ok(());
        };
        let Some(answer) = connection.receive(&mut self.scratch)? else {
            return Ok(());
        };
        self.bytes_in += connection.received() as u64;
        self.count(request, due, answer.error);
        self.lanes[lane].current = None;
        self.idle.push_back(lane);
        if answer.last {
            self.lanes[lane].connection = None;
            self.reconnects += 1;
            self.connect(lane);
        }
        Ok(())
    }

    /// An idle connection has news only when the server ends it.
    fn listen(&mut self, lane: usize) -> io::Result<()> {
        let Some(connection) = &mut self.lanes[lane].connection else {
            return Ok(());
        };
        connection.receive(&mut self.scratch).map(|_| ())
    }

    fn count(&mut self, request: u32, due: Instant, error: Option<String>) {
        // In a closed loop what is answered after the end is no part of the run; at a rate, what was due before it is.
        let late = self.plan.pace == Pace::Closed && Instant::now() > self.end;
        if due < self.counted || late {
            return;
        }
        let tally = &mut self.tallies[self.plan.requests[request as usize].kind];
        match error {
            None => {
                let nanos = u64::try_from(due.elapsed().as_nanos())
                    .unwrap_or(u64::MAX)
                    .max(1);
                tally.times.saturating_record(nanos);
                self.second.saturating_record(nanos);
            }
            Some(name) => {
                *tally.errors.entry(name).or_default() += 1;
                self.second_failed += 1;
            }
        }
    }

    fn broke(&mut self, lane: usize, error: &io::Error) {
        if let Some((request, due)) = self.lanes[lane].current.take() {
            self.count(request, due, Some(format!("{:?}", error.kind())));
            self.idle.push_back(lane);
        }
        self.lanes[lane].connection = None;
        self.lanes[lane].retry = Some(Instant::now() + PATIENCE);
        self.reconnects += 1;
    }

    fn reconnect(&mut self, now: Instant) {
        if self.lanes.iter().all(|lane| lane.retry.is_none()) {
            return;
        }
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].retry.is_some_and(|at| at <= now) {
                self.connect(lane);
            }
        }
    }

    fn connect(&mut self, lane: usize) {
        let mut opened = Connection::open(&self.plan.target).and_then(|mut connection| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(connection.stream(), Token(lane), interest)?;
            Ok(connection)
        });
        if let (Ok(connection), Some(_)) = (&mut opened, self.lanes[lane].current) {
            connection.begin();
            self.lanes[lane].sending = true;
        }
        self.lanes[lane].retry = opened.is_err().then(|| Instant::now() + PATIENCE);
        self.lanes[lane].connection = opened.ok();
    }

    fn prepare(&mut self, request: usize) {
        self.prepared[request].freshen(&self.plan.requests[request], self.plan);
    }

    /// Closes the seconds that are over.
    fn tick(&mut self, now: Instant, progress: &mut impl FnMut(&Interval)) {
        loop {
            let over = self.counted + Duration::from_secs(u64::from(self.seconds) + 1);
            if now < over || over > self.end {
                return;
            }
            let interval = Interval {
                succeeded: self.second.len(),
                failed: self.second_failed,
                p50: self.second.value_at_quantile(0.5),
                p99: self.second.value_at_quantile(0.99),
                max: self.second.max(),
            };
            progress(&interval);
            self.intervals.push(interval);
            self.second.reset();
            self.second_failed = 0;
            self.seconds += 1;
        }
    }

    fn finish(self) -> Outcome {
        let elapsed = self.plan.duration;
        let unsent = match self.plan.pace {
            Pace::Closed => 0,
            Pace::Open(rate) => {
                let all = (self.plan.warmup + self.plan.duration).as_secs_f64() * rate;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count of requests"
                )]
                let all = all as u64;
                all.saturating_sub(self.due)
            }
        };
        Outcome {
            busy: (1.0 - self.waited.as_secs_f64() / elapsed.as_secs_f64()).clamp(0.0, 1.0),
            tallies: self.tallies,
            intervals: self.intervals,
            elapsed,
            behind: self.behind,
            unsent,
            reconnects: self.reconnects,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
        }
    }
}
