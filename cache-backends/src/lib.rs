//! Where macadamia keeps entries.
