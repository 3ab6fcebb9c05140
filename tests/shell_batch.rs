//! Batches through the shell of a small program: spelling, help, answers, results.
#![allow(clippy::unwrap_used)]

mod shell_demo;

use shell_demo::{Demo, batch, batch_of};

#[test]
fn show() {
    for line in [
        "stc ti -l x -f",
        "help",
        "stc help",
        "stc ti ?",
        "stc ti",
        "role login -n po -password userpin1",
        "role login -name Crypto officer\nuserpin1",
        "slto list",
        "slot set slot 3",
        "tokeninit",
        "role init -n lco\nabc\nabd",
        "stc ti -label a\nproceed\nstc ti -l b\nstc tl\nslot set -slot 9\nuserpin1\nslot set -slot x\nexit\nstc tl",
    ] {
        let (screen, status) = batch(line);
        println!("{screen}=== {status}");
    }
}
