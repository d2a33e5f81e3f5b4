//! macadamia.
