//! A person at a terminal: line editor, history, completion, masked secrets.

use std::{
    borrow::Cow,
    env,
    fs::OpenOptions,
    io::{self, IsTerminal},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustyline::{
    Behavior, Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Editor,
    Event, EventContext, EventHandler, Helper, KeyCode, KeyEvent, Modifiers, RepeatCount,
    Validator,
    completion::{Completer, Pair},
    config::Configurer,
    error::ReadlineError,
    highlight::{CmdKind, Highlighter},
    hint::Hinter,
    history::FileHistory,
};
use unicode_width::UnicodeWidthStr;

use super::{
    Secret, complete,
    foreign::shown,
    input::{Answer, Input, Manner, Next, Vocabulary},
    output::Output,
};

/// Lines that the history keeps.
const HISTORY_LINES: usize = 1000;

/// A terminal on standard input and output.
pub struct Terminal {
    /// One editor for commands and answers, because it holds what was typed ahead.
    editor: Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
    colour: ColorMode,
    /// Whether one key is waited for, at the foot of a page.
    paging: Arc<AtomicBool>,
}

impl Terminal {
    /// A terminal whose history is kept in this file, which only its owner can read. A history
    /// that cannot be read or written is done without.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn new(history: Option<PathBuf>) -> io::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY_LINES)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(into_io)?
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            // With its output elsewhere, a question still has to reach the person, and a secret
            // must not be shown.
            .behavior(if io::stdout().is_terminal() {
                Behavior::Stdio
            } else {
                Behavior::PreferTerm
            })
            .build();
        let colour = config.color_mode();
        let mut editor = Editor::with_config(config).map_err(into_io)?;
        let hints = colour != ColorMode::Disabled;
        editor.set_helper(Some(Assistant { hints, ..Assistant::default() }));
        let paging = Arc::new(AtomicBool::new(false));
        let keys = PageKeys(Arc::clone(&paging));
        editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(keys)));
        let history = history.filter(|path| create_private(path).is_ok());
        if let Some(path) = &history {
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history, colour, paging })
    }

    fn ask(&mut self, prompt: &str, mode: Mode) -> Result<String, ReadlineError> {
        // The editor draws a mask only where it may draw colours.
        let masked = mode == Mode::Secret;
        self.editor.set_color_mode(if masked { ColorMode::Forced } else { self.colour });
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.mode = mode;
        }
        let answer = self.editor.readline(&*shown(prompt));
        self.editor.set_color_mode(self.colour);
        answer
    }
}

impl Input for Terminal {
    fn next(&mut self, prompt: &str) -> Next {
        match self.ask(prompt, Mode::Command) {
            Ok(line) => Next::Line(line),
            Err(ReadlineError::Eof) => Next::End,
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Next::Abandoned
            }
            Err(ReadlineError::Io(error)) => Next::Broken(error),
            Err(_) => Next::Abandoned,
        }
    }

    fn secret(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret> {
        if cannot_mask() {
            output.write("(This terminal will show what you type.)\n");
        }
        match self.ask(prompt, Mode::Secret) {
            Ok(secret) => Answer::Given(Secret::new(secret)),
            Err(_) => Answer::Left,
        }
    }

    fn sourced(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret> {
        self.secret(prompt, output)
    }

    fn choice(&mut self, prompt: &str, _: &[&str], _: &mut Output) -> Answer<String> {
        self.ask(prompt, Mode::Answer).map_or(Answer::Left, Answer::Given)
    }

    fn manner(&self) -> Manner {
        Manner::Interactive
    }

    fn learn(&mut self, vocabulary: Vocabulary) {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.vocabulary = Some(vocabulary);
        }
    }

    fn remember(&mut self, line: &str) {
        let added = !line.is_empty() && self.editor.add_history_entry(line).unwrap_or(false);
        if let Some(path) = self.history.as_ref().filter(|_| added) {
            let _ = self.editor.append_history(path);
        }
    }

    fn width(&mut self) -> usize {
        self.editor.dimensions().map_or(80, |(columns, _)| usize::from(columns))
    }

    fn height(&mut self) -> Option<usize> {
        self.editor.dimensions().map(|(_, rows)| usize::from(rows)).filter(|rows| *rows > 2)
    }

    fn more(&mut self, prompt: &str, output: &mut Output) -> bool {
        self.paging.store(true, Ordering::Relaxed);
        let answer = self.ask(prompt, Mode::Answer);
        self.paging.store(false, Ordering::Relaxed);
        if !cannot_mask() {
            output.control("\x1b[1A\r\x1b[K");
        }
        answer.is_ok()
    }
}

/// At the foot of a page any key turns it, and `q`, Escape or Ctrl-C leaves the text.
struct PageKeys(Arc<AtomicBool>);

impl ConditionalEventHandler for PageKeys {
    fn handle(&self, event: &Event, _: RepeatCount, _: bool, _: &EventContext) -> Option<Cmd> {
        if !self.0.load(Ordering::Relaxed) {
            return None;
        }
        let leaves = matches!(
            event.get(0),
            Some(
                KeyEvent(KeyCode::Char('q' | 'Q') | KeyCode::Esc, _)
                    | KeyEvent(KeyCode::Char('C' | 'D'), Modifiers::CTRL)
            )
        );
        Some(if leaves { Cmd::Interrupt } else { Cmd::AcceptLine })
    }
}

/// What is being typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Command,
    Answer,
    Secret,
}

/// Completes, hints and masks.
#[derive(Default, Helper, Validator)]
struct Assistant {
    mode: Mode,
    hints: bool,
    vocabulary: Option<Vocabulary>,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Some(vocabulary) = self.vocabulary.as_ref().filter(|_| self.mode == Mode::Command)
        else {
            return Ok((at, Vec::new()));
        };
        let (start, words) = complete::complete(vocabulary, line.get(..at).unwrap_or(line));
        let pair = |word: String| Pair { display: word.trim_end().to_owned(), replacement: word };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<String> {
        // Without colour a hint could not be told from what was typed.
        let shows = self.hints && self.mode == Mode::Command && at == line.len();
        complete::hint(self.vocabulary.as_ref().filter(|_| shows)?, line)
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.mode {
            Mode::Secret => Cow::Owned("*".repeat(line.width())),
            Mode::Command | Mode::Answer => Cow::Borrowed(line),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.mode == Mode::Secret && kind != CmdKind::MoveCursor
    }
}

/// Terminals on which the editor does not control what is shown.
fn cannot_mask() -> bool {
    let name = env::var("TERM").unwrap_or_default();
    ["dumb", "cons25", "emacs"].iter().any(|known| known.eq_ignore_ascii_case(&name))
}

fn create_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

fn into_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
