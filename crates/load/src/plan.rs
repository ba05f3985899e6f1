//! What is to be asked, of whom, how fast and how long.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};

/// Who is asked.
#[derive(Clone)]
pub struct Target {
    /// Where to connect to.
    pub address: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// How to speak TLS, and the name that the certificate has to be for; plain HTTP when absent.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// One request, to be sent again and again.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which tally it counts for.
    pub kind: usize,
    /// `POST`.
    pub method: String,
    /// With its query, encoded.
    pub path: String,
    /// Without `Host`, `Content-Length` and what signing adds.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Whose signature it gets, by its place in the plan; none when absent.
    pub signer: Option<usize>,
}

/// Who signs, and for which service.
#[derive(Clone)]
pub struct Credentials {
    /// As in `Authorization`.
    pub access_key_id: String,
    /// Never sent.
    pub secret_access_key: String,
    /// Of a role session.
    pub session_token: Option<String>,
    /// Of the endpoint.
    pub region: String,
    /// `kms`.
    pub service: String,
}

/// When the next request is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As soon as the last one of the connection was answered.
    Closed,
    /// At a constant rate a second, over all connections.
    Open(f64),
}

/// A whole run.
pub struct Plan {
    /// Who is asked.
    pub target: Target,
    /// What is asked.
    pub requests: Vec<Request>,
    /// Which request comes when, by their places in `requests`; begun again at its end.
    pub order: Vec<u32>,
    /// Who signs.
    pub signers: Vec<Credentials>,
    /// How many tallies there are.
    pub kinds: usize,
    /// At a time.
    pub connections: usize,
    /// How fast.
    pub pace: Pace,
    /// Asked as fast, and not counted.
    pub warmup: Duration,
    /// Of what is counted.
    pub duration: Duration,
}
