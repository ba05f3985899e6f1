//! Nothing: what is built here are the dependencies.
