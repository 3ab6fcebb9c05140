//! One request of 64 bytes at a time on one link, beside a bare TCP exchange of 64 bytes.

use crate::{
    bare,
    echo::{Echo, time},
    figures::compare,
};

const ROUNDS: usize = 21;
const REQUESTS: u32 = 2000;

pub fn run() {
    let echo = Echo::start();
    let link = echo.connect();
    let mut stream = bare::connect(bare::start(&echo.runtime, 64));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(1e6 * time(REQUESTS, || assert_eq!(link.call(&[7; 64]).unwrap().len(), 64)));
        theirs.push(1e6 * time(REQUESTS, || bare::ask(&mut stream, &mut [7; 64])));
    }
    compare("microseconds", ("link, 64 B there and back", &ours), ("bare TCP", &theirs));
}
