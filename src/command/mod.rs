//! The commands of the programs: for each its declaration, its action and its report.

pub mod configurator;
mod found_slots;
pub mod lunacm;
pub mod lunash;
pub mod vtl;
