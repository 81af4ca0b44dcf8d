//! The brokers that are measured: dinrail as `dinrail dev` starts it, and mosquitto with the same certificates.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clients;
use crate::run::{Failed, run};

/// The core that brokers run on. The simulator has the next one.
const CORE: &str = "0";

/// Open files of a broker: some thousands of connections, and what it has beside them.
const FILES: &str = "--nofile=16384:16384";

/// How long a broker may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Units of a second in `/proc/PID/stat` [proc_pid_stat(5)].
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/PID/stat` between the end of the program's name and utime.
const FIELDS_BEFORE_UTIME: usize = 11;

/// Which broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dinrail,
    Mosquitto,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Dinrail => "dinrail",
            Kind::Mosquitto => "mosquitto",
        }
    }
}

/// A running broker, which ends with this.
pub(super) struct Broker {
    pub(super) kind: Kind,
    /// The folder of the `dinrail dev` whose certificates it has.
    pub(super) folder: PathBuf,
    /// MQTT over TLS, on 127.0.0.1.
    pub(super) port: u16,
    child: Child,
}

impl Broker {
    /// Starts `dinrail dev` in a folder, which it makes.
    pub(super) fn dinrail(program: &Path, folder: &Path) -> Result<Broker, Failed> {
        fs::create_dir_all(folder).map_err(|cause| failed(folder, &cause))?;
        let mut dev = pinned(program);
        dev.args(["dev", "--fleet", "0", "--ports", "auto", "--data"]).arg(folder);
        let mut broker = Broker { kind: Kind::Dinrail, folder: folder.into(), port: 0, child: spawn(dev, folder)? };
        broker.port = broker.wait(|| port(folder, "mqtts"))?;
        Ok(broker)
    }

    /// Starts mosquitto with the certificates that a `dinrail dev` has made in a folder.
    pub(super) fn mosquitto(folder: &Path) -> Result<Broker, Failed> {
        let port = free_port()?;
        let path = folder.join("mosquitto.conf");
        fs::write(&path, configuration(folder, port)).map_err(|cause| failed(&path, &cause))?;
        let mut mosquitto = pinned(&clients::mosquitto());
        mosquitto.arg("-c").arg(&path);
        let mut broker =
            Broker { kind: Kind::Mosquitto, folder: folder.into(), port, child: spawn(mosquitto, folder)? };
        broker.wait(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())?;
        Ok(broker)
    }

    /// Kills dinrail with `kill -9`, and starts `dinrail serve` in its folder and on its ports.
    pub(super) fn kill_and_serve(&mut self, program: &Path) -> Result<(), Failed> {
        self.child.kill().and_then(|()| self.child.wait()).map_err(|cause| Failed(format!("kill -9: {cause}")))?;
        let https = port(&self.folder, "https").ok_or_else(|| Failed("dev.json has no port of HTTPS".into()))?;
        let path = self.folder.join("serve.toml");
        let text = format!(
            "[data]\nfolder = {:?}\n[listen]\nmqtts = \"127.0.0.1:{}\"\nhttps = \"127.0.0.1:{https}\"\n\
             [[host]]\nname = \"localhost\"\nroles = [\"eu1\", \"api\"]\n",
            self.folder, self.port
        );
        fs::write(&path, text).map_err(|cause| failed(&path, &cause))?;
        let mut serve = pinned(program);
        serve.args(["serve", "--config"]).arg(&path);
        self.child = spawn(serve, &self.folder)?;
        let port = self.port;
        self.wait(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()).map(drop)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time in seconds, in user and kernel mode, all threads together.
    pub(super) fn cpu_seconds(&self) -> Result<f64, Failed> {
        let stat = self.proc("stat")?;
        // The name may have spaces and brackets of its own.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_ascii_whitespace().skip(FIELDS_BEFORE_UTIME).take(2);
        Ok(ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND)
    }

    /// Resident memory in kB.
    pub(super) fn resident_kb(&self) -> Result<f64, Failed> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .ok_or_else(|| Failed(format!("{} has no VmRSS", self.kind.name())))
    }

    /// Open files, of which connections are the most.
    pub(super) fn open_files(&self) -> Result<usize, Failed> {
        let folder = PathBuf::from(format!("/proc/{}/fd", self.pid()));
        fs::read_dir(&folder).map(Iterator::count).map_err(|cause| failed(&folder, &cause))
    }

    fn proc(&self, file: &str) -> Result<String, Failed> {
        let path = PathBuf::from(format!("/proc/{}/{file}", self.pid()));
        fs::read_to_string(&path).map_err(|cause| failed(&path, &cause))
    }

    /// Looks again and again until there is something.
    fn wait<T>(&mut self, look: impl Fn() -> Option<T>) -> Result<T, Failed> {
        let begin = Instant::now();
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || begin.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.join("broker.log")).unwrap_or_default();
                let how = ended.map_or_else(|| "took too long".to_owned(), |status| status.to_string());
                return Err(Failed(format!("{} did not start: {how}\n{log}", self.kind.name())));
            }
            sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = interrupt(self.pid());
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            sleep(LOOK_EVERY);
        }
    }
}

/// Asks a process to end, as Ctrl-C does.
pub(super) fn interrupt(pid: u32) -> Result<(), Failed> {
    run(Command::new("kill").arg("-INT").arg(pid.to_string()))
}

/// taskset and prlimit run the program in their place, so that the child's id is the program's.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", CORE, "prlimit", FILES]).arg(program);
    command
}

fn spawn(mut command: Command, folder: &Path) -> Result<Child, Failed> {
    let path = folder.join("broker.log");
    let log = File::create(&path).and_then(|log| Ok((log.try_clone()?, log)));
    let (out, err) = log.map_err(|cause| failed(&path, &cause))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(|cause| Failed(format!("taskset: {cause}")))
}

/// A port that dev.json names.
fn port(folder: &Path, name: &str) -> Option<u16> {
    let text = fs::read_to_string(folder.join("dev.json")).ok()?;
    let json: Value = serde_json::from_str(&text).ok()?;
    json[name]["port"].as_u64()?.try_into().ok()
}

fn free_port() -> Result<u16, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|cause| Failed(format!("no port is free: {cause}")))
}

/// Without bounds and without a store. Nagle's algorithm would have CONNACK wait for the client's acknowledgement of
/// the TLS session tickets, up to 40 ms.
fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let user = if clients::is_root() { "user root\n" } else { "" };
    format!(
        "listener {port} 127.0.0.1\ncafile {folder}/demo-ca.pem\ncertfile {folder}/pki/localhost.pem\n\
         keyfile {folder}/pki/localhost.key\nrequire_certificate true\ntls_version tlsv1.3\nallow_anonymous true\n\
         persistence false\nmax_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n\
         log_type error\n{user}"
    )
}

fn failed(path: &Path, cause: &std::io::Error) -> Failed {
    Failed(format!("{}: {cause}", path.display()))
}
