//! The N-API door: converts in, calls, converts out. It holds no rule; whatever could be tested without Node is elsewhere.
#![allow(
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    reason = "napi-rs says how arguments arrive"
)]

mod errors;
mod hsm;
mod raw;
mod store;
