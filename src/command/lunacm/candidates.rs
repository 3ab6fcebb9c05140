//! Values for completion: what this session knows already. Nothing here asks a partition.

use super::Session;
use crate::{
    client::ha,
    model::{Label, Role},
    store::RegisteredPartition,
};

impl Session {
    /// The values that could be meant where an argument's value is called `kind`.
    pub(super) fn candidates(&self, kind: &str) -> Vec<String> {
        match kind {
            "slot_id" => self.slots().iter().map(|slot| slot.number.to_string()).collect(),
            "role" => Role::OF_PARTITION.map(|role| role.abbreviation().to_owned()).to_vec(),
            "server_id" => {
                let servers = self.servers().unwrap_or_default();
                servers.iter().map(|server| server.id.to_string()).collect()
            }
            "server" | "host" | "hostname" => {
                let servers = self.servers().unwrap_or_default();
                servers.iter().map(|server| server.name.to_string()).collect()
            }
            "partition_serial_number" | "serial_number" => {
                let own = self.slots().iter().map(|slot| slot.partition.serial);
                let registered = self.registered().into_iter().map(|partition| partition.serial);
                own.chain(registered).map(|serial| serial.to_string()).collect()
            }
            "partition_label" | "label" => {
                let own = self.slots().iter().filter_map(|slot| slot.partition.label.clone());
                let registered = self.registered().into_iter().filter_map(|known| known.label);
                own.chain(registered).map(|label: Label| label.to_string()).collect()
            }
            "group" | "group_label" => self.groups(),
            "backup" => {
                let names = self.backups().names().unwrap_or_default();
                names.iter().map(ToString::to_string).collect()
            }
            "client_label" => self.heard_clients().to_vec(),
            _ => Vec::new(),
        }
    }

    /// The labels of the HA groups in the configuration.
    fn groups(&self) -> Vec<String> {
        let configuration = self.configuration().ok();
        let groups = configuration.and_then(|configuration| ha::groups(&configuration).ok());
        groups.unwrap_or_default().into_iter().map(|group| group.label).collect()
    }

    fn registered(&self) -> Vec<RegisteredPartition> {
        self.partitions().unwrap_or_default()
    }
}
