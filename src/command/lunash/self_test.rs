//! `hsm selfTest`.

use std::fmt;

use serde::Serialize;

use super::{Appliance, failure};
use crate::{
    model::{AdminReply, AdminRequest, SelfTestReport, Status},
    shell::{Failure, Outcome, report},
};

/// Has the appliance test its primitives.
pub fn run(appliance: &mut Appliance) -> Outcome {
    let AdminReply::SelfTested(tested) = appliance.ask(&AdminRequest::SelfTest)? else {
        return Err(failure::unexpected_reply());
    };
    let wrong: Vec<_> =
        tested.primitives.iter().filter(|one| !one.passed).map(|one| one.name.as_str()).collect();
    if wrong.is_empty() {
        return report(Passed(tested));
    }
    Err(Failure::new(
        format!("the self-test of {} failed", wrong.join(", ")),
        failure::result(Status::DeviceError),
    )
    .remedy(
        "Use no keys: check memory and processor of the machine, and install the package again.",
    ))
}

/// What passed.
#[derive(Serialize)]
struct Passed(SelfTestReport);

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.primitives.iter().map(|one| one.name.len()).max().unwrap_or(0);
        for one in &self.0.primitives {
            writeln!(f, "{:width$}  passed", one.name)?;
        }
        write!(f, "\nHSM self-test passed: {} primitives.", self.0.primitives.len())
    }
}
