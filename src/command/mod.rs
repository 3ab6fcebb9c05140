//! The commands of the programs: for each its declaration, its action and its report.

pub mod cmu;
pub mod configurator;
mod found_slots;
pub mod lunacm;
pub mod lunash;
pub mod module;
pub mod multitoken;
pub mod vtl;
