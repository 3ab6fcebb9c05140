//! Long texts, a screen at a time: by the pager that the user wants, or one of our own.

use std::{
    env,
    io::Write,
    process::{Command, ExitStatus, Stdio},
};

use unicode_width::UnicodeWidthStr;

use super::{input::Input, output::Output};

/// What stands below a page.
pub const MORE: &str = "-- more --";

/// Shows a text with a blank line above it; page by page if it is longer than the screen of a
/// person. The person may leave it at any page.
pub fn show(text: &str, input: &mut dyn Input, output: &mut Output) {
    output.lead_in();
    write(text, input, output);
}

/// As [`show`], without a line above it.
pub fn write(text: &str, input: &mut dyn Input, output: &mut Output) {
    let text = output.fitted(text.trim_matches('\n'));
    let height = if output.is_screen() { input.height() } else { None };
    let pages = height.map(|height| pages(&text, input.width(), height));
    let pages = pages.unwrap_or_else(|| vec![text]);
    if pages.len() > 1 && given_to_pager(&pages.join("\n")) {
        return;
    }
    for (number, page) in pages.iter().enumerate() {
        if number > 0 && !input.more(MORE, output) {
            return;
        }
        output.write(&format!("{page}\n"));
    }
}

/// Whether the program that `PAGER` names has shown the text.
fn given_to_pager(text: &str) -> bool {
    let named = env::var_os("PAGER").filter(|name| !name.is_empty());
    named.is_some_and(|pager| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(pager).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            // Ends at once if all fits, keeps colours, and leaves the text on the screen.
            command.env("LESS", "FRX");
        }
        // Whoever reads a text here was given a shell of commands, and not the system's.
        command.env("LESSSECURE", "1");
        let ended = command.spawn().and_then(|mut pager| {
            // A person may leave before the end of the text.
            let _ = pager.stdin.take().map(|mut pipe| pipe.write_all(text.as_bytes()));
            pager.wait()
        });
        ended.is_ok_and(has_run)
    })
}

/// A shell ends with these where there is no such program, or it cannot be run.
fn has_run(ended: ExitStatus) -> bool {
    !matches!(ended.code(), Some(126 | 127))
}

/// The text in parts that fill a screen, with a row each for [`MORE`] and for the line above.
fn pages(text: &str, width: usize, height: usize) -> Vec<String> {
    let room = height.saturating_sub(2).max(1);
    let mut pages: Vec<Vec<&str>> = vec![Vec::new()];
    let mut used = 0;
    for line in text.lines() {
        let rows = line.width().div_ceil(width.max(1)).max(1);
        if used > 0 && used + rows > room {
            pages.push(Vec::new());
            used = 0;
        }
        used += rows;
        if let Some(page) = pages.last_mut() {
            page.push(line);
        }
    }
    pages.iter().map(|lines| lines.join("\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_fill_the_screen_and_hold_every_line() {
        let text: Vec<_> = (0..30).map(|number| format!("line {number}")).collect();
        let text = text.join("\n");
        let pages = pages(&text, 80, 12);
        assert_eq!(pages.len(), 3);
        assert!(pages.iter().all(|page| page.lines().count() == 10));
        assert_eq!(pages.join("\n"), text);
    }

    #[test]
    fn a_line_over_several_rows_counts_as_many() {
        let text = format!("{}\nb\nc", "a".repeat(25));
        assert_eq!(pages(&text, 10, 6), [format!("{}\nb", "a".repeat(25)), "c".to_owned()]);
        assert_eq!(pages("a\nb", 0, 0).len(), 2);
    }
}
