//! Sequences, and what is printed of one that fails.

use std::env;

use crate::{
    calls::{Call, Scene, set_up},
    chance::Chance,
    oracle::Oracle,
    world::{Actor, Preset, World},
};

/// Sequences between two sets of the token's objects.
const SEQUENCES_OF_A_SET: u64 = 25;

/// Whose a sequence mostly is: those who can do most come most often.
const CALLERS: [Actor; 8] = [
    Actor::CryptoOfficer,
    Actor::CryptoOfficer,
    Actor::CryptoOfficer,
    Actor::LimitedOfficer,
    Actor::LimitedOfficer,
    Actor::CryptoUser,
    Actor::Nobody,
    Actor::PartitionSo,
];

/// The most calls of a sequence.
const MOST_CALLS: usize = 16;

pub fn sequences(preset: Preset, count: u64) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if env::var("KEY_MODEL_PRESET")
        .is_ok_and(|name| !format!("{preset:?}").eq_ignore_ascii_case(&name))
    {
        return;
    }
    let count = number("KEY_MODEL_SEQUENCES").unwrap_or(count);
    let only = number("KEY_MODEL_SEED");
    let (first, last) = only.map_or((0, count), |seed| (seed, seed + 1));
    println!("{preset:?}: seeds {first} to {}", last - 1);
    let world = World::new(preset);
    let mut set = None;
    let mut totals = [0_u64; 2];
    for seed in first..last {
        let wanted = seed / SEQUENCES_OF_A_SET;
        let calls = calls(seed);
        let fresh = set.take().filter(|(of, _)| *of == wanted);
        let scene = fresh.map_or_else(|| prepared(&world, preset, wanted), |(_, scene)| scene);
        let (outcome, stirred, log) = play(&world, preset, &scene, &calls);
        totals[0] +=
            u64::try_from(log.iter().filter(|line| line.ends_with("done")).count()).unwrap();
        totals[1] += u64::try_from(log.len()).unwrap();
        if only.is_some() {
            println!("{}", log.join("\n"));
        }
        if let Err(what) = outcome {
            println!("seed {seed} fails: {what}");
            let (what, log) = shrunk(&world, preset, wanted, (calls, what, log));
            panic!(
                "{what}\nKEY_MODEL_PRESET={preset:?} KEY_MODEL_SEED={seed}, the shortest sequence:\n{}",
                log.join("\n")
            );
        }
        if !stirred {
            set = Some((wanted, scene));
        }
    }
    println!("{preset:?}: {} of {} calls were performed", totals[0], totals[1]);
}

fn calls(seed: u64) -> Vec<Call> {
    let mut chance = Chance::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x6b65_795f_6d6f_6465);
    let length = 6 + chance.below(MOST_CALLS - 5);
    let mostly = *chance.pick(&CALLERS);
    (0..length).map(|_| Call::any(&mut chance, mostly)).collect()
}

fn prepared(world: &World, preset: Preset, set: u64) -> Scene {
    world.clear();
    set_up(world, preset, &mut Chance::new(set ^ 0x7365_745f_7570))
}

/// One sequence on the token's objects.
fn play(
    world: &World,
    preset: Preset,
    scene: &Scene,
    calls: &[Call],
) -> (Result<(), String>, bool, Vec<String>) {
    let mut oracle = Oracle::new(preset);
    scene.enter(&mut oracle);
    let mut log = scene.log.clone();
    let mut outcome = Ok(());
    for call in calls {
        outcome = call.perform(world, &mut oracle, &mut log);
        if outcome.is_err() {
            break;
        }
    }
    world.end();
    (outcome, oracle.stirred, log)
}

type Failed = (Vec<Call>, String, Vec<String>);

/// Leaves out what is not needed for a failure.
fn shrunk(
    world: &World,
    preset: Preset,
    set: u64,
    (mut calls, mut what, mut log): Failed,
) -> (String, Vec<String>) {
    let mut at = 0;
    while at < calls.len() {
        let mut fewer = calls.clone();
        fewer.remove(at);
        let scene = prepared(world, preset, set);
        match play(world, preset, &scene, &fewer) {
            (Err(found), _, shorter) => (calls, what, log) = (fewer, found, shorter),
            (Ok(()), ..) => at += 1,
        }
    }
    (what, log)
}
