//! A dinrail process of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Agent, Api};

/// The program under test.
pub const DINRAIL: &str = env!("CARGO_BIN_EXE_dinrail");

/// How long anything may take that a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// `dinrail dev` in a folder.
pub struct Dev {
    child: Child,
    folder: PathBuf,
    /// What dev.json says.
    pub json: Value,
}

impl Dev {
    /// Starts it without a fleet, on free ports.
    pub fn start(folder: &Path) -> Dev {
        Dev::start_with(folder, &["--fleet", "0"])
    }

    /// Starts it with further arguments.
    pub fn start_with(folder: &Path, arguments: &[&str]) -> Dev {
        let json = folder.join("dev.json");
        let _ = std::fs::remove_file(&json);
        let mut command = Command::new(DINRAIL);
        command.arg("dev").arg("--data").arg(folder).args(["--ports", "auto"]).args(arguments);
        let child = spawn(&mut command, folder);
        let mut dev = Dev { child, folder: folder.to_owned(), json: Value::Null };
        dev.json = wait_for("dev.json", || {
            let ended = dev.child.try_wait().unwrap();
            assert!(ended.is_none(), "dinrail dev ended: {ended:?}\n{}", log(folder));
            serde_json::from_str(&std::fs::read_to_string(&json).ok()?).ok()
        });
        dev
    }

    /// The API as the operator.
    pub fn api(&self) -> Api {
        Api::new(self.text("/api/url"), Some(self.text("/api/token")))
    }

    /// The `index`th of the agents whose certificates are ready.
    pub fn agent(&self, index: usize) -> Agent {
        let agent = &self.json["agents"][index];
        Agent {
            client_id: agent["client_id"].as_str().unwrap().to_owned(),
            certificate: agent["cert"].as_str().unwrap().into(),
            key: agent["key"].as_str().unwrap().into(),
        }
    }

    /// The tenant's CA and its key.
    pub fn ca(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("demo-ca.pem"), self.folder.join("demo-ca.key"))
    }

    /// Port of MQTT over TLS.
    pub fn mqtts(&self) -> u16 {
        self.port("/mqtts/port")
    }

    /// Port of HTTPS.
    pub fn https(&self) -> u16 {
        self.port("/https/port")
    }

    /// File of the server's root.
    pub fn server_ca(&self) -> PathBuf {
        self.text("/server_ca").into()
    }

    /// The command line of this server.
    pub fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(DINRAIL);
        command.args(arguments).env("DINRAIL_SERVER", format!("unix:{}", self.folder.join("dinrail.sock").display()));
        command
    }

    /// What the process has logged.
    pub fn log(&self) -> String {
        log(&self.folder)
    }

    /// Kills it as a power cut would end it (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        terminate(&mut self.child);
    }

    fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("dev.json has no {pointer}"))
    }

    fn port(&self, pointer: &str) -> u16 {
        self.json.pointer(pointer).and_then(Value::as_u64).unwrap().try_into().unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `dinrail serve` with a configuration.
pub struct Serve {
    child: Child,
    folder: PathBuf,
    /// What the ports file says.
    pub ports: Value,
}

impl Serve {
    /// Starts it; `text` follows the sections that every test needs.
    pub fn start(folder: &Path, text: &str) -> Serve {
        let config = folder.join("dinrail.toml");
        let ports = folder.join("ports.json");
        let _ = std::fs::remove_file(&ports);
        let data = folder.join("data");
        let head =
            format!("[data]\nfolder = {data:?}\n[listen]\nmqtts = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\n\n{text}");
        std::fs::write(&config, head).unwrap();
        let mut command = Command::new(DINRAIL);
        command.arg("serve").arg("--config").arg(&config).arg("--ports-file").arg(&ports);
        let child = spawn(&mut command, folder);
        let mut serve = Serve { child, folder: folder.to_owned(), ports: Value::Null };
        serve.ports = wait_for("the ports file", || {
            let ended = serve.child.try_wait().unwrap();
            assert!(ended.is_none(), "dinrail serve ended: {ended:?}\n{}", log(folder));
            serde_json::from_str(&std::fs::read_to_string(&ports).ok()?).ok()
        });
        serve
    }

    /// A port by its name in the ports file.
    pub fn port(&self, name: &str) -> u16 {
        self.ports[name].as_u64().unwrap().try_into().unwrap()
    }

    /// The command line of this server.
    pub fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(DINRAIL);
        command.args(arguments).env("DINRAIL_SERVER", format!("unix:{}", self.ports["socket"].as_str().unwrap()));
        command
    }

    /// Folder of the data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the process has logged.
    pub fn log(&self) -> String {
        log(&self.folder)
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        terminate(&mut self.child);
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command and gives what it prints; it has to succeed.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}; run `cargo xtask clients`"));
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{text}\n{errors}", output.status);
    text.into_owned()
}

/// Runs a command that has to fail, and gives what it says.
pub fn failure(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until `look` finds what it looks for.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn spawn(command: &mut Command, folder: &Path) -> Child {
    std::fs::create_dir_all(folder).unwrap();
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("server.log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("server.log")).unwrap_or_default()
}

fn terminate(child: &mut Child) {
    output(Command::new("kill").arg("-TERM").arg(child.id().to_string()));
    let status = child.wait().unwrap();
    assert!(status.success(), "dinrail ended with {status}");
}
