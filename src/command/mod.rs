//! The commands of the programs: for each its declaration, its action and its report.

pub mod cmu;
pub mod configurator;
mod found_slots;
pub mod interrupts;
pub mod located;
pub mod lunacm;
pub mod lunahsmd;
pub mod lunash;
pub mod manual;
pub mod module;
pub mod multitoken;
mod object_class;
pub mod report_fields;
mod unavailable;
mod unreachable;
pub mod vtl;
