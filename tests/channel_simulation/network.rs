//! The network: what is on its way, and what it does to it.

use crate::channel_support::SeededRandom;

/// How a network treats its messages, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    pub lose: usize,
    /// Hands a message over and keeps it.
    pub repeat: usize,
    pub reorder: usize,
    pub cut: usize,
    pub flip: usize,
    /// Hands over something of long ago instead.
    pub again: usize,
    /// Hands an end something that it has said itself.
    pub reflect: usize,
}

impl Weather {
    /// Half of the worlds lose nothing, as TCP does; of them some repeat and some reorder.
    pub fn drawn(random: &mut SeededRandom) -> Self {
        let calm = Self::default();
        match random.below(8) {
            0 => calm,
            1 => Self { repeat: 150, ..calm },
            2 => Self { repeat: 50, again: 100, ..calm },
            3 => Self { repeat: 100, reorder: 300, again: 20, ..calm },
            4 => Self { lose: 20, repeat: 50, reorder: 100, again: 20, reflect: 1, ..calm },
            5 => Self { lose: 10, repeat: 20, ..calm },
            6 => Self { cut: 4, repeat: 20, ..calm },
            _ => Self { flip: 4, repeat: 20, reorder: 50, ..calm },
        }
    }

    pub fn is_calm(self) -> bool {
        self == Self::default()
    }

    pub const fn loses_nothing(self) -> bool {
        self.lose == 0 && self.cut == 0 && self.flip == 0 && self.reflect == 0
    }

    /// Whether messages arrive as they were sent, in their order, and perhaps more than once.
    pub const fn keeps_order(self) -> bool {
        self.loses_nothing() && self.reorder == 0
    }
}

/// What is on its way to each of two ends, and what has been.
pub struct Network {
    pub weather: Weather,
    queues: [Vec<Vec<u8>>; 2],
    history: [Vec<Vec<u8>>; 2],
}

impl Network {
    pub const fn new(weather: Weather) -> Self {
        Self { weather, queues: [Vec::new(), Vec::new()], history: [Vec::new(), Vec::new()] }
    }

    pub fn send(&mut self, to: usize, message: Vec<u8>) {
        self.history[to].push(message.clone());
        self.queues[to].push(message);
    }

    /// Forgets what is on its way: a new connection.
    pub fn cut(&mut self) {
        self.queues = [Vec::new(), Vec::new()];
    }

    pub fn is_idle(&self) -> bool {
        self.queues.iter().all(Vec::is_empty)
    }

    /// Gives up what is on its way, in its order.
    pub fn next_in_order(&mut self) -> Option<(usize, Vec<u8>)> {
        let to = self.queues.iter().position(|queue| !queue.is_empty())?;
        Some((to, self.queues[to].remove(0)))
    }

    /// What arrives at this end now; it may not be what was sent, and it may be nothing.
    pub fn deliver(&mut self, to: usize, random: &mut SeededRandom) -> Option<Vec<u8>> {
        let mut message = self.take(to, random)?;
        if happens(self.weather.lose, random) {
            return None;
        }
        if happens(self.weather.cut, random) {
            message.truncate(random.below(message.len()));
        }
        if happens(self.weather.flip, random) {
            let bit = random.below(message.len() * 8);
            message[bit / 8] ^= 1 << (bit % 8);
        }
        Some(message)
    }

    fn take(&mut self, to: usize, random: &mut SeededRandom) -> Option<Vec<u8>> {
        for (chance, direction) in [(self.weather.again, to), (self.weather.reflect, 1 - to)] {
            if happens(chance, random) {
                let past = &self.history[direction];
                return (!past.is_empty()).then(|| past[random.below(past.len())].clone());
            }
        }
        let queue = &mut self.queues[to];
        if queue.is_empty() {
            return None;
        }
        let place =
            if happens(self.weather.reorder, random) { random.below(queue.len()) } else { 0 };
        let keep = happens(self.weather.repeat, random);
        Some(if keep { queue[place].clone() } else { queue.remove(place) })
    }
}

fn happens(thousandths: usize, random: &mut SeededRandom) -> bool {
    thousandths > 0 && random.below(1000) < thousandths
}
