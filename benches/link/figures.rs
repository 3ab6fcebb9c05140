//! Medians and their spread.

/// Prints the least, the middle and the greatest of these values.
pub fn show(what: &str, values: &[f64]) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let (least, middle, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    println!("{what:<58} median {middle:>11.2} (min {least:.2}, max {most:.2})");
}

/// Prints two rows of values, and the ratio of each pair.
pub fn compare(unit: &str, ours: (&str, &[f64]), theirs: (&str, &[f64])) {
    show(&format!("{}, {unit}", ours.0), ours.1);
    show(&format!("{}, {unit}", theirs.0), theirs.1);
    let ratios: Vec<_> = ours.1.iter().zip(theirs.1).map(|(ours, theirs)| ours / theirs).collect();
    show("  ratio, pair by pair", &ratios);
}
