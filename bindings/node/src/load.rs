//! The generator of load as JavaScript sees it: a run is a promise, kept by a thread of its own.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use ::load::{Credentials, Interval, Outcome, Pace, Plan, Request, Target};
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use napi::{
    Env, Error, Status,
    bindgen_prelude::{Object, Uint8Array, Uint32Array},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// One request, to be sent again and again.
#[napi(object, object_to_js = false)]
pub struct LoadRequest {
    /// Which tally it counts for.
    pub kind: u32,
    pub method: String,
    /// With its query, encoded.
    pub path: String,
    /// Names and values, one after the other; without `Host`, `Content-Length` and what signing adds.
    pub headers: Vec<String>,
    pub body: Uint8Array,
    /// Whose signature it gets, by its place among the plan's signers.
    pub signer: Option<u32>,
}

/// Who signs, and for which service.
#[napi(object, object_to_js = false)]
pub struct LoadSigner {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    pub region: String,
    pub service: String,
}

/// A whole run.
#[napi(object, object_to_js = false)]
pub struct LoadPlan {
    /// An address and a port: `127.0.0.1:4599`.
    pub address: String,
    /// The `Host` header.
    pub host: String,
    /// Certificates in PEM that the server's has to lead to; plain HTTP when absent.
    pub roots: Option<Vec<String>>,
    /// What the server's certificate has to be for.
    pub server_name: Option<String>,
    pub requests: Vec<LoadRequest>,
    /// Which request comes when; begun again at its end.
    pub order: Uint32Array,
    pub signers: Vec<LoadSigner>,
    /// How many tallies there are.
    pub kinds: u32,
    pub connections: u32,
    /// Requests a second, at a constant rate; when absent each connection asks again as soon as it was answered.
    pub rate: Option<f64>,
    pub warmup_millis: u32,
    pub duration_millis: u32,
}

/// One second of a run; times in microseconds.
#[napi(object, object_from_js = false)]
pub struct LoadInterval {
    pub succeeded: f64,
    pub failed: f64,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

/// Answers of one kind of request.
#[napi(object, object_from_js = false)]
pub struct LoadTally {
    pub succeeded: f64,
    /// Nanoseconds from when a request was due until it was answered: an HDR histogram, V2, deflated.
    pub histogram: Uint8Array,
    /// What went wrong, and how often.
    pub errors: Vec<LoadError>,
}

/// What the server, or the connection, said, and how often.
#[napi(object, object_from_js = false)]
pub struct LoadError {
    pub name: String,
    pub count: f64,
}

/// What came of a run.
#[napi(object, object_from_js = false)]
pub struct LoadOutcome {
    pub tallies: Vec<LoadTally>,
    pub intervals: Vec<LoadInterval>,
    pub seconds: f64,
    /// The share of that time in which the generator itself was at work, 0 to 1.
    pub busy: f64,
    /// The longest that a request was sent after it was due, in microseconds.
    pub behind: f64,
    /// Requests that were due and never sent.
    pub unsent: f64,
    /// Connections that had to be made anew.
    pub reconnects: f64,
    pub bytes_in: f64,
    pub bytes_out: f64,
}

type OnInterval = ThreadsafeFunction<LoadInterval, (), LoadInterval, Status, false, true>;

/// Asks a server as planned; `onInterval` is told of each second. Rejects when nothing answers at all.
#[napi(
    ts_args_type = "plan: LoadPlan, onInterval?: (interval: LoadInterval) => void",
    ts_return_type = "Promise<LoadOutcome>"
)]
pub fn run_load(
    env: &Env,
    plan: LoadPlan,
    on_interval: Option<OnInterval>,
) -> napi::Result<Object<'_>> {
    let plan = planned(plan)?;
    let (deferred, promise) = env.create_deferred()?;
    thread::Builder::new()
        .name("load".to_owned())
        .spawn(move || {
            let outcome = ::load::run(&plan, |second| {
                if let Some(tell) = &on_interval {
                    tell.call(interval(second), ThreadsafeFunctionCallMode::NonBlocking);
                }
            });
            match outcome {
                Ok(outcome) => deferred.resolve(move |_| told(outcome)),
                Err(error) => deferred.reject(Error::from_reason(error.to_string())),
            }
        })?;
    Ok(promise)
}

fn planned(plan: LoadPlan) -> napi::Result<Plan> {
    let address: SocketAddr = plan.address.parse().map_err(invalid)?;
    let tls = match plan.roots {
        None => None,
        Some(roots) => {
            let name = plan.server_name.unwrap_or_else(|| plan.host.clone());
            Some((
                secure(&roots)?,
                ServerName::try_from(name).map_err(invalid)?,
            ))
        }
    };
    let requests: Vec<Request> = plan.requests.into_iter().map(request).collect();
    let order = plan.order.to_vec();
    let kinds = plan.kinds as usize;
    let sound = !order.is_empty()
        && plan.connections > 0
        && order.iter().all(|&place| (place as usize) < requests.len())
        && requests.iter().all(|request| {
            request.kind < kinds
                && request
                    .signer
                    .is_none_or(|signer| signer < plan.signers.len())
        });
    if !sound {
        return Err(Error::new(
            Status::InvalidArg,
            "the plan names what is not in it",
        ));
    }
    Ok(Plan {
        target: Target {
            address,
            host: plan.host,
            tls,
        },
        requests,
        order,
        signers: plan.signers.into_iter().map(credentials).collect(),
        kinds,
        connections: plan.connections as usize,
        pace: plan.rate.map_or(Pace::Closed, Pace::Open),
        warmup: Duration::from_millis(plan.warmup_millis.into()),
        duration: Duration::from_millis(plan.duration_millis.into()),
    })
}

fn request(request: LoadRequest) -> Request {
    let mut headers = request.headers.into_iter();
    Request {
        kind: request.kind as usize,
        method: request.method,
        path: request.path,
        headers: std::iter::from_fn(|| Some((headers.next()?, headers.next()?))).collect(),
        body: request.body.to_vec(),
        signer: request.signer.map(|signer| signer as usize),
    }
}

fn credentials(signer: LoadSigner) -> Credentials {
    Credentials {
        access_key_id: signer.access_key_id,
        secret_access_key: signer.secret_access_key,
        session_token: signer.session_token,
        region: signer.region,
        service: signer.service,
    }
}

fn secure(roots: &[String]) -> napi::Result<Arc<ClientConfig>> {
    let mut store = RootCertStore::empty();
    for root in roots {
        for certificate in CertificateDer::pem_slice_iter(root.as_bytes()) {
            store.add(certificate.map_err(invalid)?).map_err(invalid)?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(invalid)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::new(Status::InvalidArg, error.to_string())
}

fn told(outcome: Outcome) -> napi::Result<LoadOutcome> {
    let tallies = outcome
        .tallies
        .into_iter()
        .map(|tally| {
            let mut histogram = Vec::new();
            V2DeflateSerializer::new()
                .serialize(&tally.times, &mut histogram)
                .map_err(invalid)?;
            let errors = tally
                .errors
                .into_iter()
                .map(|(name, count)| LoadError {
                    name,
                    count: number(count),
                })
                .collect();
            Ok(LoadTally {
                succeeded: number(tally.times.len()),
                histogram: histogram.into(),
                errors,
            })
        })
        .collect::<napi::Result<Vec<_>>>()?;
    Ok(LoadOutcome {
        tallies,
        intervals: outcome.intervals.iter().map(interval).collect(),
        seconds: outcome.elapsed.as_secs_f64(),
        busy: outcome.busy,
        behind: outcome.behind.as_secs_f64() * 1e6,
        unsent: number(outcome.unsent),
        reconnects: number(outcome.reconnects),
        bytes_in: number(outcome.bytes_in),
        bytes_out: number(outcome.bytes_out),
    })
}

fn interval(second: &Interval) -> LoadInterval {
    LoadInterval {
        succeeded: number(second.succeeded),
        failed: number(second.failed),
        p50: number(second.p50) / 1e3,
        p99: number(second.p99) / 1e3,
        max: number(second.max) / 1e3,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds stay far below 2^53"
)]
fn number(count: u64) -> f64 {
    count as f64
}
