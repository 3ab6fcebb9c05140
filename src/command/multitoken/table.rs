//! The report of a load.

use std::fmt;

use serde::Serialize;

use super::mode::Mode;

/// Operations a second, for each module.
#[derive(Serialize)]
pub(super) struct Rates {
    mode: String,
    threads: u16,
    modules: Vec<Rate>,
}

#[derive(Serialize)]
struct Rate {
    module: String,
    least: f64,
    median: f64,
    most: f64,
    /// The median of the rounds' ratios to the first module.
    ratio: f64,
}

impl Rates {
    /// The figures of these modules, whose rounds were run in turn.
    pub(super) fn new(
        mode: &Mode,
        threads: u16,
        measured: impl Iterator<Item = (String, Vec<f64>)>,
    ) -> Self {
        let measured: Vec<_> = measured.collect();
        let first = measured.first().map(|(_, rounds)| rounds.clone()).unwrap_or_default();
        let modules = measured
            .into_iter()
            .map(|(module, rounds)| {
                let ratios = rounds.iter().zip(&first).map(|(own, first)| own / first).collect();
                let rounds = sorted(rounds);
                Rate {
                    module,
                    least: rounds.first().copied().unwrap_or_default(),
                    median: middle(&rounds),
                    most: rounds.last().copied().unwrap_or_default(),
                    ratio: middle(&sorted(ratios)),
                }
            })
            .collect();
        Self { mode: mode.to_string(), threads, modules }
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, threads: {}\n", self.mode, self.threads)?;
        writeln!(f, "  operations/s       least        most   ratio  module")?;
        let lines: Vec<_> = self
            .modules
            .iter()
            .map(|rate| {
                format!(
                    "  {:12.1}{:12.1}{:12.1}{:8.2}  {}",
                    rate.median, rate.least, rate.most, rate.ratio, rate.module
                )
            })
            .collect();
        f.write_str(&lines.join("\n"))
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The median of sorted values.
fn middle(sorted: &[f64]) -> f64 {
    let above = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 {
        return above;
    }
    let below = sorted.get((sorted.len() / 2).wrapping_sub(1)).copied().unwrap_or(above);
    f64::midpoint(below, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(middle(&sorted(vec![3.0, 1.0, 2.0])).to_bits(), 2.0_f64.to_bits());
        assert_eq!(middle(&sorted(vec![4.0, 1.0, 2.0, 3.0])).to_bits(), 2.5_f64.to_bits());
        assert_eq!(middle(&[]).to_bits(), 0.0_f64.to_bits());
    }
}
