//! A program that is talked to line by line, while the world around it changes.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use crate::world::PATIENCE;

/// A running program, ended when dropped.
pub struct Conversation {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    ends: &'static str,
}

impl Conversation {
    /// Starts a program whose answers end with a line that begins like this.
    pub fn start(mut command: Command, ends: &'static str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, input, lines, ends }
    }

    /// Says a line; the answer.
    #[track_caller]
    pub fn say(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no answer to {line:?} but\n{answer}");
            };
            answer += &line;
            answer.push('\n');
            if line.trim_start().starts_with(self.ends) {
                return answer;
            }
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
