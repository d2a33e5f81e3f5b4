//! The backend of the example passes the suite: what readers copy, works.
#![allow(missing_docs, reason = "tests")]

#[allow(dead_code, reason = "its `main` is not run here")]
#[path = "../examples/custom_backend.rs"]
mod custom_backend;
