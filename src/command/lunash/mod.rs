//! Commands go here.
