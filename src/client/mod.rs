//! What a client machine knows and asks: its home, its configuration, the registered appliances.

pub mod config;
pub mod file;
