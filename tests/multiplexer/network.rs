//! A connection of two bounded queues of bytes, which delivers in pieces of any size.

use std::{collections::VecDeque, io, time::Duration};

use shuttle::{
    rand::{Rng, thread_rng},
    sync::{Arc, Condvar, Mutex},
};

use crate::codec::Socket;

/// Both ways.
#[derive(Clone)]
pub struct Network {
    to_partition: Arc<Way>,
    to_client: Arc<Way>,
}

struct Way {
    capacity: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    cut: bool,
}

/// The client's end.
pub struct ClientEnd(Network);

impl Network {
    /// A network whose way to the partition holds so many bytes. The other way holds any number: a
    /// partition goes on reading while its replies wait.
    pub fn new(capacity: usize) -> Self {
        let way = |capacity| {
            Arc::new(Way { capacity, state: Mutex::new(State::default()), changed: Condvar::new() })
        };
        Self { to_partition: way(capacity), to_client: way(usize::MAX) }
    }

    pub fn client_end(&self) -> ClientEnd {
        ClientEnd(self.clone())
    }

    /// What the client sent; empty once the connection is cut.
    pub fn read(&self) -> Vec<u8> {
        let mut room = [0; 64];
        let count = self.to_partition.read(&mut room);
        room[..count].to_vec()
    }

    /// Sends to the client as long as there is a connection.
    pub fn write(&self, bytes: &[u8]) {
        self.to_client.write(bytes);
    }

    /// Ends both ways; what is under way is lost.
    pub fn cut(&self) {
        for way in [&self.to_partition, &self.to_client] {
            let mut state = way.state.lock().unwrap();
            state.cut = true;
            state.bytes.clear();
            way.changed.notify_all();
        }
    }
}

impl Way {
    fn read(&self, room: &mut [u8]) -> usize {
        let mut state = self.state.lock().unwrap();
        while state.bytes.is_empty() && !state.cut {
            state = self.changed.wait(state).unwrap();
        }
        let there = state.bytes.len().min(room.len());
        if there == 0 {
            return 0;
        }
        let count = thread_rng().gen_range(1..=there);
        for (place, byte) in room.iter_mut().zip(state.bytes.drain(..count)) {
            *place = byte;
        }
        self.changed.notify_all();
        count
    }

    fn write(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let mut state = self.state.lock().unwrap();
            while state.bytes.len() >= self.capacity && !state.cut {
                state = self.changed.wait(state).unwrap();
            }
            if state.cut {
                return false;
            }
            let count = bytes.len().min(self.capacity - state.bytes.len());
            state.bytes.extend(&bytes[..count]);
            bytes = &bytes[count..];
            self.changed.notify_all();
        }
        true
    }
}

impl Socket for ClientEnd {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        // A read's time is over now and then.
        if thread_rng().gen_bool(0.1) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(self.0.to_client.read(room))
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        if self.0.to_partition.write(bytes) {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn has_news(&self, _: Duration) -> bool {
        let state = self.0.to_client.state.lock().unwrap();
        state.cut || !state.bytes.is_empty()
    }
}
