//! The commands of the programs: for each its declaration, its action and its report.

pub mod lunacm;
pub mod lunash;
pub mod vtl;
