//! The N-API door: conversions only.
