//! Servers that end with the task that started them, however it ends: done, failed, interrupted or killed.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::Outcome;

/// The shell becomes the server. Beside it stays a watcher that reads the pipe from the task: the operating system
/// closes it when the task is gone, even by SIGKILL, and then the watcher ends the server and clears its folder away.
/// It is a grandchild, so that the server never meets a child it does not know. It signals the whole process group, and
/// again until it is gone, because other programs may still be making the server ready, deaf to the signal.
const SCRIPT: &str = r#"
signal=$1 folder=$2
shift 2
exec 3<&0 </dev/null
( (
  trap '' HUP INT QUIT TERM
  cat <&3
  tries=300
  while [ $tries -gt 0 ] && kill -0 $$; do
    kill -s "$signal" -- -$$
    sleep 0.1
    tries=$((tries - 1))
  done
  kill -s KILL $$
  [ -z "$folder" ] || rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }
) >/dev/null 2>&1 & )
exec 3<&- "$@"
"#;

/// How a server is asked to end. After thirty seconds it is killed.
#[derive(Clone, Copy)]
pub enum Ending {
    /// SIGTERM: finish what has begun.
    Graceful,
    /// SIGQUIT: for PostgreSQL, at once.
    Immediate,
}

/// A running server.
pub struct Leash {
    server: Child,
    pipe: Option<ChildStdin>,
}

impl Leash {
    /// A command on a leash: add program and arguments, then [`start`](Self::start) it. With a folder to clear away,
    /// that is removed after the server has ended.
    pub fn command(ending: Ending, clear_away: Option<&Path>) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "leash"])
            .arg(match ending {
                Ending::Graceful => "TERM",
                Ending::Immediate => "QUIT",
            })
            .arg(clear_away.unwrap_or(Path::new("")));
        command
    }

    /// Starts it, in a process group of its own: Ctrl-C on a terminal must not reach the server before the tests that
    /// use it.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut server = command.process_group(0).stdin(Stdio::piped()).spawn()?;
        let pipe = server.stdin.take();
        Ok(Self { server, pipe })
    }

    /// The server's process.
    pub fn process(&self) -> u32 {
        self.server.id()
    }

    /// How the server has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.server.try_wait().ok().flatten()
    }

    /// Waits until the server is ready.
    ///
    /// # Errors
    /// When it ends before, or takes more than a minute.
    pub fn wait_until(&mut self, pause: Duration, mut ready: impl FnMut() -> bool) -> Outcome {
        let started = Instant::now();
        while !ready() {
            if let Some(status) = self.ended() {
                return Err(format!("it ended with {status}"));
            }
            if started.elapsed() > Duration::from_mins(1) {
                return Err("it is not ready after a minute".to_owned());
            }
            thread::sleep(pause);
        }
        Ok(())
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.pipe.take());
        drop(self.server.wait());
    }
}

/// A port of 127.0.0.1 that nobody listened on a moment ago.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_running(process: u32) -> bool {
        Path::new(&format!("/proc/{process}")).exists()
    }

    #[test]
    fn the_server_ends_and_its_folder_goes_when_the_leash_is_dropped() {
        let folder = tempfile::tempdir().unwrap().keep();
        let mut command = Leash::command(Ending::Graceful, Some(&folder));
        let leash = Leash::start(command.args(["sleep", "600"])).unwrap();
        let process = leash.process();

        drop(leash);

        assert!(!is_running(process));
        let started = Instant::now();
        while folder.exists() {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_server_that_ends_by_itself_is_noticed() {
        let mut command = Leash::command(Ending::Graceful, None);
        let mut leash = Leash::start(command.args(["sh", "-c", "exit 3"])).unwrap();
        let waited = leash.wait_until(Duration::from_millis(5), || false);
        assert_eq!(waited.unwrap_err(), "it ended with exit status: 3");
    }

    #[test]
    fn the_server_runs_in_a_process_group_of_its_own() {
        let mut command = Leash::command(Ending::Graceful, None);
        let leash = Leash::start(command.args(["sleep", "600"])).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", leash.process())).unwrap();
        let group = stat.rsplit(") ").next().unwrap().split(' ').nth(2).unwrap();
        assert_eq!(group, leash.process().to_string());
    }
}
