//! The attributes of macadamia.
