//! One line that shows how far long work has come.

use unicode_width::UnicodeWidthStr;

/// What is drawn now.
#[derive(Debug, Default)]
pub struct Progress {
    shown: String,
}

/// Returns to the first column and clears the line.
const ERASE: &str = "\r\x1b[K";

impl Progress {
    /// What to write so that the line shows this; nothing if it does already. Work that is done
    /// takes its line away.
    pub fn draw(&mut self, what: &str, done: u64, total: u64, width: usize) -> String {
        if done >= total {
            return self.erase().to_owned();
        }
        let percent = u128::from(done) * 100 / u128::from(total.max(1));
        let line = format!("{what}: {percent:>3} %");
        if line == self.shown || line.width() >= width {
            return String::new();
        }
        self.shown.clone_from(&line);
        format!("{ERASE}{line}")
    }

    /// What to write so that the line is gone.
    pub fn erase(&mut self) -> &'static str {
        if std::mem::take(&mut self.shown).is_empty() { "" } else { ERASE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_drawn_when_it_changes_and_leaves_nothing() {
        let mut progress = Progress::default();
        assert_eq!(progress.draw("Deleting", 0, 500, 80), "\r\x1b[KDeleting:   0 %");
        assert_eq!(progress.draw("Deleting", 4, 500, 80), "");
        assert_eq!(progress.draw("Deleting", 5, 500, 80), "\r\x1b[KDeleting:   1 %");
        assert_eq!(progress.draw("Deleting", 250, 500, 10), "");
        assert_eq!(progress.draw("Deleting", 500, 500, 80), ERASE);
        assert_eq!(progress.erase(), "");
        assert_eq!(progress.draw("Deleting", 0, 0, 80), "");
    }
}
