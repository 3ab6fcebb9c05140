//! `partition domain...`: the cloning domains of a partition.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::{
    super::{
        failure::{failure, refused},
        role::typed,
        table::Table,
    },
    OfSlot, Session,
};
use crate::{
    model::{DomainEntry, Label, MAXIMUM_DOMAIN, Password, Reply, Request, Status},
    shell::{Console, Failure, Outcome, Secret, report},
};

#[derive(Debug, Args)]
pub struct DomainAdd {
    /// The label to know the domain by
    #[arg(long, visible_aliases = ["dl", "label"], value_name = "domain_label")]
    domainlabel: Label,
    /// The domain; asked for without this option
    #[arg(long, visible_alias = "d", value_name = "domain")]
    domain: Option<Secret>,
    /// Objects leave under this domain from now on
    #[arg(long, visible_alias = "pri")]
    primary: bool,
    #[command(flatten)]
    of: OfSlot,
}

impl DomainAdd {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let number = session.number(self.of.slot)?;
        let domain = new_domain(self.domain, console)?;
        let (label, primary) = (self.domainlabel, self.primary);
        match session.ask_slot(number, &Request::AddDomain { label, domain, primary })? {
            Reply::Failed(Status::OperationNotAllowed) => Err(failure(
                Status::OperationNotAllowed,
                "policy 44 (Allow Extended Domain Management) is off",
            )
            .remedy("Turn it on: partition changepolicy -policy 44 -value 1.")),
            Reply::Failed(Status::FunctionRejected) => Err(failure(
                Status::FunctionRejected,
                "the partition has three domains, and may not have more",
            )
            .remedy("Remove one: partition domaindelete -domainlabel <label>.")),
            reply => expect_done(&reply),
        }
    }
}

#[derive(Debug, Args)]
pub struct DomainList {
    #[command(flatten)]
    of: OfSlot,
}

impl DomainList {
    pub(super) fn run(&self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        match session.ask_slot(number, &Request::Domains)? {
            Reply::Domains(domains) => {
                report(Domains { domains: domains.into_iter().map(Listed::from).collect() })
            }
            Reply::Failed(status) => Err(refused(status)),
            _ => Err(refused(Status::DeviceError)),
        }
    }
}

#[derive(Debug, Args)]
pub struct DomainDelete {
    /// The domain's label
    #[arg(long, visible_aliases = ["dl", "label"], value_name = "domain_label")]
    domainlabel: Label,
    #[command(flatten)]
    of: OfSlot,
    /// Do not ask for confirmation
    #[arg(long, visible_alias = "f")]
    force: bool,
}

impl DomainDelete {
    pub(super) fn run(self, session: &mut Session, console: &mut dyn Console) -> Outcome {
        let number = session.number(self.of.slot)?;
        let warning = format!(
            "You are about to remove the domain '{}'.\n\
             Objects that were sealed under it cannot come back to this partition.\n\n\
             Are you sure you wish to continue?",
            self.domainlabel
        );
        console.confirm(&warning, self.force)?;
        match session.ask_slot(number, &Request::DeleteDomain { label: self.domainlabel })? {
            Reply::Failed(Status::FunctionRejected) => {
                Err(failure(Status::FunctionRejected, "the primary domain cannot be removed")
                    .remedy("Add another one with -primary first: partition domainadd."))
            }
            reply => expect_done(&reply),
        }
    }
}

#[derive(Debug, Args)]
pub struct DomainChangeLabel {
    /// The label that the domain has
    #[arg(long, visible_aliases = ["dl", "label", "oldlabel"], value_name = "domain_label")]
    domainlabel: Label,
    /// The label that it is to have
    #[arg(long, visible_aliases = ["nl", "newdomainlabel"], value_name = "new_label")]
    newlabel: Label,
    #[command(flatten)]
    of: OfSlot,
}

impl DomainChangeLabel {
    pub(super) fn run(self, session: &mut Session) -> Outcome {
        let number = session.number(self.of.slot)?;
        let request = Request::RenameDomain { label: self.domainlabel, new: self.newlabel };
        expect_done(&session.ask_slot(number, &request)?)
    }
}

/// A domain that is being set: given, or asked for twice. An empty one is the default domain.
pub(super) fn new_domain(
    given: Option<Secret>,
    console: &mut dyn Console,
) -> Result<Option<Password>, Failure> {
    let domain = match given {
        Some(domain) => domain,
        None => console.new_secret("Enter the domain name: ", "Re-enter the domain name: ")?,
    };
    match domain.expose().chars().count() {
        0 => Ok(None),
        1..=MAXIMUM_DOMAIN => Ok(Some(typed(&domain))),
        _ => Err(failure(Status::PinLenRange, "the domain name has more than 128 characters")
            .remedy("Choose one of 1 to 128 characters.")),
    }
}

fn expect_done(reply: &Reply) -> Outcome {
    match reply {
        Reply::Failed(Status::ObjectHandleInvalid) => {
            Err(failure(Status::ObjectHandleInvalid, "the partition has no domain of this label")
                .remedy("See partition domainlist."))
        }
        Reply::Failed(Status::AttributeValueInvalid) => Err(failure(
            Status::AttributeValueInvalid,
            "another domain of the partition has this label",
        )
        .remedy("See partition domainlist.")),
        reply => Session::expect_done(reply),
    }
}

#[derive(Debug, Serialize)]
struct Domains {
    domains: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    label: String,
    primary: bool,
    default: bool,
}

impl From<DomainEntry> for Listed {
    fn from(entry: DomainEntry) -> Self {
        Self { label: entry.label.into(), primary: entry.primary, default: entry.default }
    }
}

impl fmt::Display for Domains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["Domain Label", "Primary", "Default Domain"]);
        for domain in &self.domains {
            let yes_no = |fact| if fact { "yes" } else { "no" }.to_owned();
            table.row([domain.label.clone(), yes_no(domain.primary), yes_no(domain.default)]);
        }
        write!(f, "\n{table}")
    }
}
