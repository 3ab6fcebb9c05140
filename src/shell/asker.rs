//! What a running command may do with its user.

use super::{
    Console, Failure, Secret, Style,
    input::{Answer, Input, Manner},
    output::Output,
};

/// The word that goes on at a confirmation.
const PROCEED: &str = "proceed";

/// The word that cancels at any question.
const QUIT: &str = "quit";

/// The console of a running command.
pub struct Asker<'a, 'o> {
    /// Where answers come from.
    pub input: &'a mut dyn Input,
    /// Where questions go.
    pub output: &'a mut Output<'o>,
    /// The program's habits.
    pub style: &'a Style,
}

impl Asker<'_, '_> {
    fn failure(&self, cause: &str) -> Failure {
        Failure::new(cause, self.style.results.cancelled).code(Failure::UNANSWERED)
    }
}

impl Console for Asker<'_, '_> {
    fn say(&mut self, text: &str) {
        self.output.tell(text);
    }

    fn confirm(&mut self, warning: &str, forced: bool) -> Result<(), Failure> {
        if forced {
            return Ok(());
        }
        let prompt = self.output.question(&format!("{warning}\n{}", self.style.proceed));
        match self.input.choice(&prompt, &[PROCEED, QUIT], self.output) {
            Answer::Given(answer) if answer.trim().eq_ignore_ascii_case(PROCEED) => Ok(()),
            Answer::Given(_) | Answer::Left => Err(self.failure("command cancelled")),
            Answer::Missing => Err(self
                .failure("the command needs a confirmation")
                .remedy("Use -force, or put proceed on the next line.")),
        }
    }

    fn choose(&mut self, question: &str, choices: &[&str]) -> Result<usize, Failure> {
        let prompt = self.output.question(question);
        let accepted: Vec<_> = choices.iter().copied().chain([QUIT]).collect();
        let answer = match self.input.choice(&prompt, &accepted, self.output) {
            Answer::Given(answer) => answer,
            Answer::Left => return Err(self.failure("command cancelled")),
            Answer::Missing => {
                let remedy = format!("Put {} on the next line.", choices.join(" or "));
                return Err(self.failure("the command needs an answer").remedy(remedy));
            }
        };
        let chosen = choices.iter().position(|known| known.eq_ignore_ascii_case(answer.trim()));
        chosen.ok_or_else(|| self.failure("command cancelled"))
    }

    fn progress(&mut self, what: &str, done: u64, total: u64) {
        self.output.progress(what, done, total);
    }

    fn secret(&mut self, prompt: &str) -> Result<Secret, Failure> {
        let prompt = self.output.question(prompt);
        match self.input.secret(&prompt, self.output) {
            Answer::Given(secret) => Ok(secret),
            Answer::Left => Err(self.failure("command cancelled")),
            Answer::Missing => Err(self
                .failure("the command needs a password and the input has ended")
                .remedy("Give it with its option, or put it on the next line.")),
        }
    }

    fn new_secret(&mut self, prompt: &str, again: &str) -> Result<Secret, Failure> {
        let interactive = self.input.manner() == Manner::Interactive;
        for attempt in 1.. {
            let first = self.secret(prompt)?;
            if first == self.secret(again)? {
                return Ok(first);
            }
            if !interactive || attempt == 3 {
                break;
            }
            self.output
                .line(&super::indented("The two entries differ. Try again.", self.style.indent));
        }
        Err(self.failure("the two entries differ").remedy("Type the same text both times."))
    }
}
