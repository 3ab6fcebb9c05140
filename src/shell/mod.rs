//! Any command shell: words, parsing, help, terminal, scripts. Knows nothing of HSMs.
//!
//! A program declares its commands once, with clap, and implements [`Program`]; [`run()`] does the
//! rest. From the one declaration come the parser of Luna's spelling (`spelling`), help, masking,
//! completion and hints:
//!
//! ```text
//! line -> words -> reading (what each word means) -> clap -> Program::run -> Report or Failure
//! ```

mod asker;
mod begin;
mod complete;
mod fold;
mod foreign;
mod help;
mod input;
mod interrupts;
mod manual;
mod mask;
mod output;
mod pager;
mod program;
mod progress;
mod reading;
mod record;
mod report;
mod run;
mod script;
mod secret;
mod settings;
mod source;
mod sourced;
mod spelling;
mod style;
mod suggest;
mod terminal;
mod tree;
mod words;

pub use begin::{arguments, cannot_begin, reason, run_single};
pub use foreign::{Foreign, Screen, is_obeyed, screened, shown, shown_bytes};
pub use interrupts::Interrupts;
pub use manual::Manual;
pub use program::{Console, Program};
pub use report::{Failure, Outcome, Report, indented, report};
pub use run::{run, run_with};
pub use secret::Secret;
pub use settings::{RunOptions, Settings};
pub use source::Source;
pub use style::{Matching, Results, Style};
