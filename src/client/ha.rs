//! HA groups in the configuration: which partitions belong together.
//!
//! ```text
//! VirtualToken = {
//!    VirtualToken00Label = haGroup1;
//!    VirtualToken00SN = 11234840370164;
//!    VirtualToken00Members = 1234840370164, 1234924189183;
//! }
//! HASynchronize = {
//!    haGroup1 = 1;
//! }
//! ```
//!
//! The entries are Luna's. A group's number is a 1 before the serial number of its first member.

use super::config::{ConfigFileError, Configuration, EditError, NumberError};
use crate::model::SerialNumber;

/// The section that lists the groups.
const GROUPS: &str = "VirtualToken";

/// The section that says which groups are synchronized.
const SYNCHRONIZE: &str = "HASynchronize";

/// Groups that a configuration can hold.
pub const MAXIMUM_GROUPS: u8 = 100;

/// Members that a group can have (Luna's client has room for so many).
pub const MAXIMUM_MEMBERS: usize = 32;

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its place among the groups.
    pub index: u8,
    /// Its label.
    pub label: String,
    /// Its number.
    pub number: SerialNumber,
    /// Its members, the first one first.
    pub members: Vec<SerialNumber>,
    /// Those of the members that stand by.
    pub standby: Vec<SerialNumber>,
    /// Whether new objects go to all members.
    pub synchronize: bool,
}

/// The groups in their order.
///
/// # Errors
/// An entry has a value that it cannot have.
pub fn groups(configuration: &Configuration) -> Result<Vec<Group>, GroupError> {
    let mut found = Vec::new();
    for index in 0..MAXIMUM_GROUPS {
        let Some(label) = configuration.get(GROUPS, &entry(index, "Label")) else { continue };
        if label.is_empty() {
            continue;
        }
        let members = serials(configuration, index, "Members")?;
        let number = serials(configuration, index, "SN")?.first().copied();
        let number = number.or_else(|| members.first().copied().map(group_number));
        let synchronize = configuration.get(SYNCHRONIZE, label);
        found.push(Group {
            index,
            label: label.to_owned(),
            number: number.unwrap_or_default(),
            standby: serials(configuration, index, "StandbyMembers")?,
            members,
            synchronize: synchronize != Some("0"),
        });
    }
    Ok(found)
}

/// The group of this label or number.
///
/// # Errors
/// There is none, or the configuration is damaged.
pub fn find(configuration: &Configuration, name: &str) -> Result<Group, GroupError> {
    let number: Option<SerialNumber> = name.parse().ok();
    let groups = groups(configuration)?;
    let by_label = groups.iter().find(|group| group.label == name);
    let by_number = || groups.iter().find(|group| Some(group.number) == number);
    let found = by_label.or_else(by_number).cloned();
    found.ok_or_else(|| GroupError::Unknown(name.to_owned()))
}

/// Makes a group of one member.
///
/// # Errors
/// The label is taken, the member belongs to a group, or the configuration has no room.
pub fn create(
    configuration: &mut Configuration,
    label: &str,
    member: SerialNumber,
) -> Result<Group, GroupError> {
    let groups = groups(configuration)?;
    if groups.iter().any(|group| group.label == label) {
        return Err(GroupError::LabelTaken(label.to_owned()));
    }
    check_free(&groups, member)?;
    let free = |index: &u8| groups.iter().all(|group| group.index != *index);
    let index = (0..MAXIMUM_GROUPS).find(free).ok_or(GroupError::Full)?;
    let group = Group {
        index,
        label: label.to_owned(),
        number: group_number(member),
        members: vec![member],
        standby: Vec::new(),
        synchronize: true,
    };
    write(configuration, &group)?;
    Ok(group)
}

/// Adds a member to a group.
///
/// # Errors
/// The member belongs to a group, there is no such group, or it is full.
pub fn add_member(
    configuration: &mut Configuration,
    name: &str,
    member: SerialNumber,
) -> Result<Group, GroupError> {
    let mut group = find(configuration, name)?;
    check_free(&groups(configuration)?, member)?;
    if group.members.len() >= MAXIMUM_MEMBERS {
        return Err(GroupError::Full);
    }
    group.members.push(member);
    write(configuration, &group)?;
    Ok(group)
}

/// Removes a member. Without its first member a group has another number.
///
/// # Errors
/// There is no such group or member, or the member is the last.
pub fn remove_member(
    configuration: &mut Configuration,
    name: &str,
    member: SerialNumber,
) -> Result<Group, GroupError> {
    let mut group = find(configuration, name)?;
    check_member(&group, member)?;
    if group.members.len() == 1 {
        return Err(GroupError::LastMember(group.label));
    }
    group.members.retain(|known| *known != member);
    group.standby.retain(|known| *known != member);
    if let Some(first) = group.members.first() {
        group.number = group_number(*first);
    }
    write(configuration, &group)?;
    Ok(group)
}

/// Removes a group; its members keep their objects.
///
/// # Errors
/// There is no such group.
pub fn delete(configuration: &mut Configuration, name: &str) -> Result<Group, GroupError> {
    let group = find(configuration, name)?;
    for what in ["Label", "SN", "Members", "StandbyMembers"] {
        configuration.remove(GROUPS, &entry(group.index, what));
    }
    configuration.remove(SYNCHRONIZE, &group.label);
    Ok(group)
}

/// Lets a member stand by, or take part again.
///
/// # Errors
/// There is no such group or member, it does so already, or nobody would be left to take part.
pub fn set_standby(
    configuration: &mut Configuration,
    (name, member): (&str, SerialNumber),
    standby: bool,
) -> Result<Group, GroupError> {
    let mut group = find(configuration, name)?;
    check_member(&group, member)?;
    if group.standby.contains(&member) == standby {
        return Err(GroupError::Standby { member, standby });
    }
    if standby {
        if group.standby.len() + 1 == group.members.len() {
            return Err(GroupError::LastMember(group.label));
        }
        group.standby.push(member);
    } else {
        group.standby.retain(|known| *known != member);
    }
    write(configuration, &group)?;
    Ok(group)
}

/// Turns the synchronization of a group on or off.
///
/// # Errors
/// There is no such group.
pub fn set_synchronize(
    configuration: &mut Configuration,
    name: &str,
    on: bool,
) -> Result<Group, GroupError> {
    let mut group = find(configuration, name)?;
    group.synchronize = on;
    write(configuration, &group)?;
    Ok(group)
}

/// The number of a group whose first member this is.
pub fn group_number(first: SerialNumber) -> SerialNumber {
    // Serial numbers of 16 digits have no room for one more; theirs is taken as it is.
    format!("1{first}").parse().unwrap_or(first)
}

fn check_free(groups: &[Group], member: SerialNumber) -> Result<(), GroupError> {
    match groups.iter().find(|group| group.members.contains(&member)) {
        Some(group) => Err(GroupError::MemberTaken { member, group: group.label.clone() }),
        None => Ok(()),
    }
}

fn check_member(group: &Group, member: SerialNumber) -> Result<(), GroupError> {
    if group.members.contains(&member) {
        Ok(())
    } else {
        Err(GroupError::NotMember { member, group: group.label.clone() })
    }
}

fn write(configuration: &mut Configuration, group: &Group) -> Result<(), EditError> {
    let list = |serials: &[SerialNumber]| {
        serials.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let index = group.index;
    configuration.set(GROUPS, &entry(index, "Label"), &group.label)?;
    configuration.set(GROUPS, &entry(index, "SN"), &group.number.to_string())?;
    configuration.set(GROUPS, &entry(index, "Members"), &list(&group.members))?;
    if group.standby.is_empty() {
        configuration.remove(GROUPS, &entry(index, "StandbyMembers"));
    } else {
        configuration.set(GROUPS, &entry(index, "StandbyMembers"), &list(&group.standby))?;
    }
    configuration.set(SYNCHRONIZE, &group.label, if group.synchronize { "1" } else { "0" })
}

fn entry(index: u8, what: &str) -> String {
    format!("VirtualToken{index:02}{what}")
}

fn serials(
    configuration: &Configuration,
    index: u8,
    what: &str,
) -> Result<Vec<SerialNumber>, GroupError> {
    let name = entry(index, what);
    let value = configuration.get(GROUPS, &name).unwrap_or_default();
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    let invalid = |_| GroupError::Invalid { entry: name.clone(), value: value.to_owned() };
    parts.map(|part| part.parse().map_err(invalid)).collect()
}

/// Why a group is not as asked for.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// Another group has the label.
    #[error("the label '{0}' for the new group has already been used")]
    LabelTaken(String),
    /// The partition belongs to a group.
    #[error("The member you specified is already part of an HA group: {member} is in '{group}'")]
    MemberTaken {
        /// The partition.
        member: SerialNumber,
        /// The group's label.
        group: String,
    },
    /// No group of this label or number.
    #[error("there is no HA group '{0}'")]
    Unknown(String),
    /// No such member.
    #[error("{member} is no member of the HA group '{group}'")]
    NotMember {
        /// The partition.
        member: SerialNumber,
        /// The group's label.
        group: String,
    },
    /// The last member, or the last that takes part.
    #[error("the HA group '{0}' would have no active member left")]
    LastMember(String),
    /// The member stands by already, or takes part already.
    #[error("{member} {}", if *standby { "is a standby member already" } else { "is no standby member" })]
    Standby {
        /// The partition.
        member: SerialNumber,
        /// Whether it was to stand by.
        standby: bool,
    },
    /// No more groups, or no more members.
    #[error("there is no room for another group or member")]
    Full,
    /// An entry is not the number that it has to be.
    #[error(transparent)]
    Number(#[from] Box<NumberError>),
    /// An entry of the configuration that makes no sense.
    #[error("{entry} of the configuration cannot be '{value}'")]
    Invalid {
        /// The entry.
        entry: String,
        /// Its value.
        value: String,
    },
    /// A label that the configuration has no way to write.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The configuration cannot be read or written.
    #[error(transparent)]
    File(#[from] ConfigFileError),
}

impl GroupError {
    /// What the user can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::LabelTaken(_) => "Choose another label; see hagroup listgroups.",
            Self::MemberTaken { .. } => "Remove it there first: hagroup removemember.",
            Self::Unknown(_) | Self::NotMember { .. } => "See hagroup listgroups.",
            Self::LastMember(_) => "Add another member, or delete the group: hagroup deletegroup.",
            Self::Standby { .. } => "Nothing was changed; see hagroup listgroups.",
            Self::Full => "Delete what is not needed: hagroup deletegroup, hagroup removemember.",
            Self::Number(_) => NumberError::REMEDY,
            Self::Invalid { .. } => "Correct the entry in an editor: serial numbers and commas.",
            Self::Edit(_) => "Use letters, digits, hyphens and underscores.",
            Self::File(error) => error.remedy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SerialNumber = SerialNumber::new(1_234_840_370_164);
    const TWO: SerialNumber = SerialNumber::new(1_234_924_189_183);

    #[test]
    fn groups_are_written_as_luna_has_them() {
        let mut file = Configuration::parse("// kept\nMisc = {\n   A = 1;\n}\n").unwrap();
        create(&mut file, "haGroup1", ONE).unwrap();
        add_member(&mut file, "haGroup1", TWO).unwrap();
        let text = "// kept\nMisc = {\n   A = 1;\n}\nVirtualToken = {\n   \
             VirtualToken00Label = haGroup1;\n   VirtualToken00SN = 11234840370164;\n   \
             VirtualToken00Members = 1234840370164, 1234924189183;\n}\n\
             HASynchronize = {\n   haGroup1 = 1;\n}\n";
        assert_eq!(file.text(), text);
        let group = find(&file, "11234840370164").unwrap();
        assert_eq!((group.members, group.synchronize), (vec![ONE, TWO], true));
    }

    #[test]
    fn a_partition_is_in_one_group_once() {
        let mut file = Configuration::default();
        create(&mut file, "one", ONE).unwrap();
        assert!(matches!(create(&mut file, "one", TWO), Err(GroupError::LabelTaken(_))));
        assert!(matches!(create(&mut file, "two", ONE), Err(GroupError::MemberTaken { .. })));
        assert!(matches!(add_member(&mut file, "one", ONE), Err(GroupError::MemberTaken { .. })));
        assert!(matches!(add_member(&mut file, "none", TWO), Err(GroupError::Unknown(_))));
    }

    #[test]
    fn the_number_follows_the_first_member() {
        let mut file = Configuration::default();
        create(&mut file, "one", ONE).unwrap();
        assert!(matches!(remove_member(&mut file, "one", ONE), Err(GroupError::LastMember(_))));
        add_member(&mut file, "one", TWO).unwrap();
        let group = remove_member(&mut file, "one", ONE).unwrap();
        assert_eq!((group.number, group.members), (group_number(TWO), vec![TWO]));
        assert!(matches!(remove_member(&mut file, "one", ONE), Err(GroupError::NotMember { .. })));
    }

    #[test]
    fn somebody_always_takes_part() {
        let mut file = Configuration::default();
        create(&mut file, "one", ONE).unwrap();
        add_member(&mut file, "one", TWO).unwrap();
        set_standby(&mut file, ("one", TWO), true).unwrap();
        assert!(matches!(
            set_standby(&mut file, ("one", TWO), true),
            Err(GroupError::Standby { .. })
        ));
        assert!(matches!(
            set_standby(&mut file, ("one", ONE), true),
            Err(GroupError::LastMember(_))
        ));
        set_standby(&mut file, ("one", TWO), false).unwrap();
        set_synchronize(&mut file, "one", false).unwrap();
        assert!(!find(&file, "one").unwrap().synchronize);
        delete(&mut file, "one").unwrap();
        assert_eq!(groups(&file).unwrap(), []);
        assert_eq!(file.text(), "VirtualToken = {\n}\nHASynchronize = {\n}\n");
    }
}
