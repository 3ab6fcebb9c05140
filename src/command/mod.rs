//! The commands of the programs: for each its declaration, its action and its report.

pub mod cmu;
pub mod lunacm;
pub mod lunash;
pub mod module;
pub mod multitoken;
pub mod vtl;
