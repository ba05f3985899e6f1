//! The N-API door: converts in, calls, converts out. It holds no rule; whatever could be tested without Node is elsewhere.

mod errors;
mod hsm;
mod raw;
mod store;
