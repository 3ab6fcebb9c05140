//! Objects that leave sealed and come back.

use lunacm::model::{Reply, Request, TransferPurpose};

use super::Now;
use crate::oracle::Verdict;

const SALT: [u8; 16] = [7; 16];

impl Now<'_> {
    pub(super) fn transfer(&mut self) -> Verdict {
        let Some(at) = self.choose(|thing| thing.owner.is_none()) else { return Ok(()) };
        let purpose = TransferPurpose::Backup;
        let export = Request::ExportObject { handle: self.handle(at).0, purpose, salt: SALT };
        let Reply::Sealed(sealed) = self.world.ask(self.actor, export) else { return Ok(()) };
        self.log.push(format!("{:?}: exports #{at}: done", self.actor));
        self.oracle.judge(None, &[&sealed])?;
        let import = Request::ImportObject { sealed, purpose, salt: SALT, replace: true };
        let reply = self.world.ask(self.actor, import);
        self.log.push(format!("{:?}: imports #{at}: {reply:?}", self.actor));
        self.oracle.look_again(self.world, at);
        self.read(at)
    }
}
