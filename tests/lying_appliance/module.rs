//! The module in a process of its own, which does what it is told line by line.

use std::{
    env,
    fmt::Debug,
    fs,
    io::BufRead,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    object::{Attribute, ObjectClass},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

use crate::{conversation::Conversation, world::Client};

/// What every answer of the process begins with.
const ANSWER: &str = "=>";

/// The environment variable without which the process does nothing.
const ASKED: &str = "LUNACM_TEST_MODULE";

/// The module with a client's home.
pub struct Module(Conversation);

impl Module {
    /// A process that has initialized it.
    pub fn initialized(client: &Client) -> Self {
        let this = env::current_exe().unwrap();
        let arguments = ["--exact", "--nocapture", "--ignored", "module::told_line_by_line"];
        let mut command: Command = client.command(&this.display().to_string(), &arguments);
        command.env(ASKED, "1");
        let mut module = Self(Conversation::start(command, ANSWER));
        module.say("initialize").took_less(Duration::from_secs(10)).is("Ok(())");
        module
    }

    #[track_caller]
    pub fn say(&mut self, line: &str) -> Answer {
        let answer = self.0.say(line);
        let answer = answer.split_once(ANSWER).map_or("", |(_, answer)| answer).trim();
        let (time, text) = answer.split_once(' ').unwrap_or((answer, ""));
        let took = Duration::from_millis(time.parse().unwrap());
        Answer { line: line.to_owned(), took, text: text.to_owned() }
    }
}

/// What came of a line, and how long it took.
pub struct Answer {
    line: String,
    pub took: Duration,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn is(&self, text: &str) -> &Self {
        assert_eq!(self.text, text, "{}", self.line);
        self
    }

    #[track_caller]
    pub fn has(&self, part: &str) -> &Self {
        assert!(self.text.contains(part), "{}: no {part:?} in {:?}", self.line, self.text);
        self
    }

    #[track_caller]
    pub fn took_less(&self, most: Duration) -> &Self {
        assert!(self.took < most, "{} took {:?} ({})", self.line, self.took, self.text);
        self
    }
}

#[derive(Default)]
struct Process {
    module: Option<Pkcs11>,
    session: Option<Session>,
}

#[test]
#[ignore = "the other end of this program's conversations"]
fn told_line_by_line() {
    if env::var_os(ASKED).is_none() {
        return;
    }
    let mut process = Process::default();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<_> = line.split_whitespace().collect();
        let began = Instant::now();
        let done = process.perform(&words);
        println!("{ANSWER} {} {done}", began.elapsed().as_millis());
    }
}

impl Process {
    fn perform(&mut self, words: &[&str]) -> String {
        match words {
            ["initialize"] => {
                let module = Pkcs11::new(module()).unwrap();
                let flags = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
                let done = shown(module.initialize(flags));
                self.module = Some(module);
                done
            }
            ["finalize"] => {
                if let Some(session) = self.session.take() {
                    std::mem::forget(session);
                }
                shown(self.module.take().unwrap().finalize())
            }
            ["slots"] => self.slots(),
            ["threads"] => most_threads(|| self.slots()),
            ["together", callers] => self.together(callers.parse().unwrap()),
            ["cut", after] => self.cut(Duration::from_millis(after.parse().unwrap())),
            ["open", slot] => {
                let slot = Slot::try_from(slot.parse::<u64>().unwrap()).unwrap();
                let opened = self.module.as_ref().unwrap().open_rw_session(slot);
                let text = shown(opened.as_ref().map(|_| ()));
                self.session = opened.ok();
                text
            }
            ["login", pin] => {
                let pin = AuthPin::new((*pin).into());
                shown(self.session.as_ref().unwrap().login(UserType::User, Some(&pin)))
            }
            ["logout"] => shown(self.session.as_ref().unwrap().logout()),
            ["information"] => {
                let information = self.session.as_ref().unwrap().get_session_info();
                shown(information.map(|found| (found.slot_id().id(), found.session_state())))
            }
            ["setpin", old, new] => self.set_pin(old, new),
            ["private"] => shown(private(self.session.as_ref().unwrap())),
            ["store"] => {
                let template = [
                    Attribute::Class(ObjectClass::DATA),
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Value(vec![7; 16]),
                ];
                shown(self.session.as_ref().unwrap().create_object(&template).map(|_| ()))
            }
            other => panic!("unknown: {other:?}"),
        }
    }

    /// Every slot: number, whether the token is there, where, its serial number.
    fn slots(&self) -> String {
        let module = self.module.as_ref().unwrap();
        let all = match module.get_all_slots() {
            Ok(all) => all,
            Err(error) => return format!("{error:?}"),
        };
        let present = module.get_slots_with_token().unwrap_or_default();
        let line = |slot: &Slot| {
            if !present.contains(slot) {
                return format!("{}:absent", slot.id());
            }
            let token = module.get_token_info(*slot);
            let serial = token.map_or_else(
                |error| format!("{error:?}"),
                |token| token.serial_number().trim().to_owned(),
            );
            let information = module.get_slot_info(*slot);
            let place = information.map_or(String::new(), |information| {
                information.slot_description().trim().replace(' ', "_")
            });
            format!("{}:{serial}:{place}", slot.id())
        };
        all.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    /// The slots are asked for by several threads at once; how long the last one took.
    fn together(&self, callers: usize) -> String {
        let began = Instant::now();
        let module = self.module.as_ref().unwrap();
        let ask = || module.get_all_slots().map(|slots| slots.len());
        let found: Vec<_> = thread::scope(|scope| {
            let asking: Vec<_> = (0..callers).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|asking| shown(asking.join().unwrap())).collect()
        });
        format!("{} {}", began.elapsed().as_millis(), found.join(" "))
    }

    /// The library is given up while a thread asks for slots; how long that took.
    fn cut(&mut self, after: Duration) -> String {
        let module = self.module.take().unwrap();
        let asking = module.clone();
        let asking = thread::spawn(move || shown(asking.get_all_slots().map(|slots| slots.len())));
        thread::sleep(after);
        let began = Instant::now();
        let done = shown(module.finalize());
        let took = began.elapsed().as_millis();
        format!("{took} {done} {}", asking.join().unwrap())
    }

    /// Changes the password of a user that nobody logged in, six times there and back, while
    /// another session looks for what only the user sees; how often it saw something.
    fn set_pin(&self, old: &str, new: &str) -> String {
        let module = self.module.clone().unwrap();
        let slot = self.session.as_ref().unwrap().get_session_info().unwrap().slot_id();
        let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let looking = {
            let (over, seen) = (over.clone(), seen.clone());
            thread::spawn(move || {
                let session = module.open_ro_session(slot).unwrap();
                while !over.load(Ordering::SeqCst) {
                    seen.fetch_add(private(&session).unwrap(), Ordering::SeqCst);
                }
            })
        };
        let (old, new) = (AuthPin::new(old.into()), AuthPin::new(new.into()));
        let session = self.session.as_ref().unwrap();
        let mut done = Vec::new();
        for _ in 0..3 {
            done.push(shown(session.set_pin(&old, &new)));
            done.push(shown(session.set_pin(&new, &old)));
        }
        over.store(true, Ordering::SeqCst);
        looking.join().unwrap();
        done.dedup();
        format!("{} {}", done.join(" "), seen.load(Ordering::SeqCst))
    }
}

/// How many private objects a session sees.
fn private(session: &Session) -> cryptoki::error::Result<usize> {
    session.find_objects(&[Attribute::Private(true)]).map(|found| found.len())
}

/// What this came to, and the most threads that the process had meanwhile.
fn most_threads(act: impl FnOnce() -> String) -> String {
    let over = Arc::new(AtomicBool::new(false));
    let watching = {
        let over = over.clone();
        thread::spawn(move || {
            let mut most = 0;
            while !over.load(Ordering::SeqCst) {
                most = most.max(fs::read_dir("/proc/self/task").unwrap().count());
                thread::sleep(Duration::from_millis(1));
            }
            most
        })
    };
    let done = act();
    over.store(true, Ordering::SeqCst);
    format!("{} {done}", watching.join().unwrap())
}

#[allow(clippy::needless_pass_by_value, reason = "outcomes are made to be shown")]
fn shown<T: Debug, E: Debug>(outcome: Result<T, E>) -> String {
    format!("{outcome:?}").replace(' ', "")
}

/// The module that was built with these tests.
fn module() -> PathBuf {
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    let beside = deps.parent().unwrap().join("liblunacm.so");
    let built = deps.join("liblunacm.so");
    if built.exists() { built } else { beside }
}
