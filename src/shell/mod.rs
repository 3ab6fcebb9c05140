//! Any command shell: words, parsing, help, terminal, scripts. Knows nothing of HSMs.
//!
//! A program declares its commands once, with clap, and implements [`Program`]; [`run()`] does the
//! rest. From the one declaration come the parser of Luna's spelling (`spelling`), help, masking,
//! completion and hints:
//!
//! ```text
//! line -> words -> reading (what each word means) -> clap -> Program::run -> Report or Failure
//! ```

mod complete;
mod help;
mod input;
mod mask;
mod output;
mod program;
mod reading;
mod report;
mod run;
mod script;
mod secret;
mod source;
mod spelling;
mod style;
mod suggest;
mod terminal;
mod tree;
mod words;

pub use program::{Console, Program};
pub use report::{Failure, Outcome, Report, indented, report};
pub use run::run;
pub use secret::Secret;
pub use source::Source;
pub use style::{Matching, Results, Style};
