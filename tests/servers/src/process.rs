//! A process that does not outlive its test.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Waits at the end of a pipe that only the test process holds: when that is gone, so is the server, whatever
/// killed the test. (Asking the kernel for it, by `PR_SET_PDEATHSIG`, would need `unsafe`.)
const WATCHDOG: &str =
    r#"trap '' HUP INT TERM; read -r pid || exit; read -r _; kill -KILL "$pid"; rm -rf "$1""#;

/// A server with its watchdog; killed and reaped when it is dropped, even if it is paused.
#[derive(Debug)]
pub(crate) struct Process {
    server: Child,
    watchdog: Child,
}

impl Process {
    /// Starts `command`; its `directory` goes with it when the test process is killed.
    pub(crate) fn spawn(command: &mut Command, directory: &Path) -> Self {
        // Groups of their own: an interrupt at the terminal is for the test, which takes them along.
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("sh does not start: {error}"));
        let server = command.stdin(Stdio::null()).process_group(0).spawn().unwrap_or_else(|error| {
            let program = command.get_program().display();
            panic!("{program} does not start ({error}); `./tests/run` installs what tests need")
        });
        if let Some(pipe) = &mut watchdog.stdin {
            writeln!(pipe, "{}", server.id()).unwrap_or_else(|error| panic!("no watchdog: {error}"));
        }
        Self { server, watchdog }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.server.try_wait().ok().flatten()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.exited().is_some() {
            return; // the pid may be somebody else's
        }
        let pid = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw);
        let sent = pid.map(|pid| kill_process(pid, signal));
        assert!(matches!(sent, Some(Ok(()))), "{signal:?} to {}: {sent:?}", self.server.id());
    }

    /// The watchdog goes before the server is reaped: a pid that is free again may be anybody's.
    pub(crate) fn end(&mut self) {
        if self.exited().is_none() {
            let _ = self.server.kill();
        }
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.server.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
