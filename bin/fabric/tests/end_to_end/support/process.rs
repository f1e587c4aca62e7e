//! Programs that run to their end, within bounds, and programs that run until they are told to end.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How a program ended and what it said.
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// What it said as JSON, of a program that did what it should.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// What it said, of a program that did what it should.
    pub fn text(&self) -> &str {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        &self.stdout
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it takes longer.
pub fn finish(command: &mut Command, input: impl AsRef<[u8]>, within: Duration) -> Finished {
    // Files, not pipes: nobody has to read along.
    let [mut stdin, mut stdout, mut stderr]: [File; 3] = std::array::from_fn(|_| tempfile::tempfile().unwrap());
    stdin.write_all(input.as_ref()).and_then(|()| stdin.rewind()).unwrap();
    let clone = |file: &File| Stdio::from(file.try_clone().unwrap());
    command.stdin(stdin).stdout(clone(&stdout)).stderr(clone(&stderr));
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let status = ended(&mut child, within);
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (stdout, stderr) = (text(&mut stdout), text(&mut stderr));
    let Some(status) = status else {
        panic!("{command:?} still ran after {within:?}: {stdout}{stderr}");
    };
    Finished { code: status.code().unwrap_or(-1), stdout, stderr }
}

/// How a process ended; `None`, and it is killed, when it has not by then.
fn ended(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if begun.elapsed() > within {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The shell becomes the program. Beside it stays a watcher that reads the pipe from the test: the operating system closes
/// it when the test is gone, even by SIGKILL, and then the watcher ends the program. It is a grandchild, so that the
/// program never meets a child it does not know.
const LEASH: &str = r#"
signal=$1
shift
exec 3<&0 </dev/null
( ( trap '' HUP INT QUIT TERM; cat <&3; kill -s "$signal" $$ ) >/dev/null 2>&1 & )
exec 3<&- "$@"
"#;

/// The arguments that make `/bin/sh` run a program, to be named behind them, that ends with the test at the latest, by
/// this signal.
pub fn leash(signal: &str) -> [&str; 4] {
    ["-c", LEASH, "leash", signal]
}

/// A program on a [`leash`]. It is ended when this value is dropped.
pub struct Leashed {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Leashed {
    /// Starts `/bin/sh` with the arguments of [`leash`] and those of the program.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pipe = child.stdin.take();
        Self { child, pipe }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its name. The shell does it: that is there on every system.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("/bin/sh").args(["-c", &format!("kill -s {name} {}", self.id())]).status().unwrap();
        assert!(sent.success(), "SIG{name} did not reach {}", self.id());
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().unwrap();
        if status.is_some() {
            // Before the number of the process can be another's.
            drop(self.pipe.take());
        }
        status
    }

    /// How it ended; `None`, and it is killed, when it has not by then.
    pub fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let status = ended(&mut self.child, within);
        drop(self.pipe.take());
        status
    }

    /// Ends it by SIGKILL.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.pipe.take());
        drop(self.child.wait());
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let ended = ended(&mut self.child, Duration::from_secs(30)).is_some();
        assert!(ended || thread::panicking(), "the process {} would not end", self.child.id());
    }
}
