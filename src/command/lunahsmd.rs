//! The arguments of `lunahsmd`.

use std::path::PathBuf;

use clap::Parser;

use crate::shell::Manual;

/// The appliance daemon: hosts an HSM's partitions for clients and for lunash.
#[derive(Debug, Parser)]
#[command(name = "lunahsmd", version)]
pub struct Arguments {
    /// The directory that holds everything the appliance keeps; made on first start
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where clients connect; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1792")]
    pub listen: String,
    /// The host name or address that clients register; the server certificate is made for it
    #[arg(long, value_name = "HOST")]
    pub name: Option<String>,
}

/// The daemon's manual.
pub fn manual() -> Manual {
    Manual::of_program::<Arguments>()
}
