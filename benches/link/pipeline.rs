//! Requests a second: threads that share one link, and threads with 1,000 links between them.
//! Beside them bare TCP with a connection for each thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use lunacm::net::Link;

use crate::{bare, echo::Echo, figures::compare};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(400);
const LINKS: usize = 1000;

pub fn run() {
    let echo = Echo::start();
    let address = bare::start(&echo.runtime, 64);
    let link = Arc::new(echo.connect());
    for threads in [1, 8, 64] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(rate(threads, |_| {
                let link = link.clone();
                move || drop(link.call(&[7; 64]).unwrap())
            }));
            theirs.push(rate(threads, |_| {
                let mut stream = bare::connect(address);
                move || bare::ask(&mut stream, &mut [7; 64])
            }));
        }
        let what = format!("{threads} threads on one link");
        compare("requests/s", (&what, &ours), ("bare TCP, a connection a thread", &theirs));
    }
    many_links(&echo);
}

fn many_links(echo: &Echo) {
    // A link that has sent nothing yet counts as half open, and of those there may be few.
    let connect = |_| {
        let link = echo.connect();
        link.call(&[7; 64]).unwrap();
        link
    };
    let links: Arc<Vec<Link>> = Arc::new((0..LINKS).map(connect).collect());
    let one = Arc::new(echo.connect());
    let (mut many, mut single) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        many.push(rate(64, |thread| {
            let links = links.clone();
            let mut at = thread;
            move || {
                at = (at + 64) % LINKS;
                drop(links[at].call(&[7; 64]).unwrap());
            }
        }));
        single.push(rate(64, |_| {
            let link = one.clone();
            move || drop(link.call(&[7; 64]).unwrap())
        }));
    }
    compare("requests/s", ("64 threads over 1,000 links", &many), ("64 threads on one", &single));
}

/// How often in a second all threads together act.
fn rate<A: FnMut() + Send + 'static>(threads: usize, make: impl Fn(usize) -> A) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..threads)
        .map(|thread| {
            let (mut act, stop, count) = (make(thread), stop.clone(), count.clone());
            thread::spawn(move || {
                let mut own = 0;
                while !stop.load(Ordering::Relaxed) {
                    act();
                    own += 1;
                }
                count.fetch_add(own, Ordering::Relaxed);
            })
        })
        .collect();
    let start = Instant::now();
    thread::sleep(ROUND);
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    let count = u32::try_from(count.load(Ordering::Relaxed)).unwrap();
    f64::from(count) / start.elapsed().as_secs_f64()
}
