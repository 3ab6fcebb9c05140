//! One request of 64 bytes at a time on one link, beside a bare TCP exchange of 64 bytes: between
//! peers that sleep until something comes, and between peers that stay awake. A link stays awake for
//! up to 50 microseconds at either end, so the fair comparison lies with the second.

use std::sync::atomic::Ordering;

use crate::{
    bare,
    echo::{Echo, time},
    figures::compare,
};

const ROUNDS: usize = 21;
const REQUESTS: u32 = 1000;

pub fn run() {
    let echo = Echo::start();
    let link = echo.connect();
    let mut asleep = bare::connect(bare::start(&echo.runtime, 64));
    let mut awake = bare::connect(bare::start_awake(64));
    awake.set_nonblocking(true).unwrap();
    let (mut ours, mut sleeping, mut waking) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(1e6 * time(REQUESTS, || assert_eq!(link.call(&[7; 64]).unwrap().len(), 64)));
        sleeping.push(1e6 * time(REQUESTS, || bare::ask(&mut asleep, &mut [7; 64])));
        bare::WANTED.store(true, Ordering::Release);
        waking.push(1e6 * time(REQUESTS, || bare::ask_awake(&mut awake, &mut [7; 64])));
        bare::WANTED.store(false, Ordering::Release);
    }
    let ours = ("link, 64 B there and back", &ours[..]);
    compare("microseconds", ours, ("bare TCP, peers that sleep", &sleeping));
    compare("microseconds", ours, ("bare TCP, peers that stay awake", &waking));
}
