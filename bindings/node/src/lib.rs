//! The N-API door: converts in, calls, converts out. It holds no rule; whatever could be tested without Node is elsewhere.
#![allow(
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    reason = "napi-rs says how arguments arrive"
)]

mod errors;
mod front;
mod hsm;
mod import;
#[cfg_attr(
    test,
    allow(
        dead_code,
        reason = "napi-rs registers functions outside of tests alone"
    )
)]
mod load;
mod pairs;
mod raw;
mod recipient;
mod store;
mod task;
mod xts;

/// A time or a span from JavaScript, in milliseconds; what is no such number becomes the nearest that is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and NaN becomes 0"
)]
fn millis(number: f64) -> u64 {
    number as u64
}
