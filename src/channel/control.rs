//! What the two engines say to each other inside the channel: changes of keys, settings.

use super::{Suite, WindowSize, noise};

/// A control record's plaintext.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Control {
    /// From the partition: the client is to start a change of keys.
    RekeyWanted,
    /// From the client: the first Noise message of a change of keys.
    RekeyInit(Vec<u8>),
    /// From the partition: the second one.
    RekeyAnswer(Vec<u8>),
    /// From both, once in every epoch but the first: how many records the sender has sealed under
    /// the keys before.
    KeysChanged {
        /// Records sealed under the keys before.
        sealed: u64,
    },
    /// From the partition: what holds for the link.
    Settings {
        /// Records of one direction after which the keys are changed; 0 for never.
        messages: u64,
        /// The size of both replay windows.
        window: WindowSize,
    },
    /// From the partition: how many records it has refused as replays so far.
    Replays {
        /// Records refused.
        refused: u64,
    },
}

const REKEY_WANTED: u8 = 0x01;
const REKEY_INIT: u8 = 0x02;
const REKEY_ANSWER: u8 = 0x03;
const KEYS_CHANGED: u8 = 0x04;
const SETTINGS: u8 = 0x05;
const REPLAYS: u8 = 0x06;

impl Control {
    /// The plaintext.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::RekeyWanted => vec![REKEY_WANTED],
            Self::RekeyInit(message) => [&[REKEY_INIT], &message[..]].concat(),
            Self::RekeyAnswer(message) => [&[REKEY_ANSWER], &message[..]].concat(),
            Self::KeysChanged { sealed } => [&[KEYS_CHANGED], &sealed.to_be_bytes()[..]].concat(),
            Self::Settings { messages, window } => {
                let window = window.records().to_be_bytes();
                [&[SETTINGS], &messages.to_be_bytes()[..], &window].concat()
            }
            Self::Replays { refused } => [&[REPLAYS], &refused.to_be_bytes()[..]].concat(),
        }
    }

    /// Reads a plaintext; each has one form only.
    pub(super) fn parse(plaintext: &[u8], suite: Suite) -> Option<Self> {
        let (kind, rest) = plaintext.split_first()?;
        match *kind {
            REKEY_WANTED => rest.is_empty().then_some(Self::RekeyWanted),
            REKEY_INIT if rest.len() == noise::rekey_message_1_bytes(suite) => {
                Some(Self::RekeyInit(rest.to_vec()))
            }
            REKEY_ANSWER if rest.len() == noise::rekey_message_2_bytes(suite) => {
                Some(Self::RekeyAnswer(rest.to_vec()))
            }
            KEYS_CHANGED => {
                Some(Self::KeysChanged { sealed: u64::from_be_bytes(rest.try_into().ok()?) })
            }
            SETTINGS => {
                let (messages, window) = rest.split_first_chunk()?;
                let window = u16::from_be_bytes(window.try_into().ok()?);
                let window = WindowSize::try_from(window).ok()?;
                Some(Self::Settings { messages: u64::from_be_bytes(*messages), window })
            }
            REPLAYS => Some(Self::Replays { refused: u64::from_be_bytes(rest.try_into().ok()?) }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_survive_the_trip_and_have_one_form() {
        for suite in [Suite::CLASSIC[0], Suite::HYBRID[0]] {
            for control in [
                Control::RekeyWanted,
                Control::RekeyInit(vec![7; noise::rekey_message_1_bytes(suite)]),
                Control::RekeyAnswer(vec![7; noise::rekey_message_2_bytes(suite)]),
                Control::KeysChanged { sealed: 0x0102_0304_0506_0708 },
                Control::Settings { messages: 400_000_000, window: WindowSize::DEFAULT },
                Control::Replays { refused: 3 },
            ] {
                let bytes = control.encode();
                assert!(Control::parse(&bytes, suite) == Some(control));
                assert!(Control::parse(&bytes[..bytes.len() - 1], suite).is_none());
                assert!(Control::parse(&[&bytes[..], &[0]].concat(), suite).is_none());
            }
        }
        for bytes in [&[][..], &[0], &[7], &[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99]] {
            assert!(Control::parse(bytes, Suite::CLASSIC[0]).is_none());
        }
    }
}
