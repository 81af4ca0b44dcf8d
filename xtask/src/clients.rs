//! The real clients that the tests drive, and the broker that is measured beside ours. They go below `target/`, except what
//! only the system's packages have.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;
use crate::run::{Failed, is_there, run};

/// Programs, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 4] = [
    ("curl", "curl"),
    ("mosquitto_pub", "mosquitto-clients"),
    ("mosquitto_sub", "mosquitto-clients"),
    ("openssl", "openssl"),
];

/// Releases of paho-mqtt: 1.6 is what agents in the field have, 2 is today's.
const PAHO_VERSIONS: [&str; 2] = ["1.6.1", "2.1.0"];

/// Installs what is missing.
pub(crate) fn install() -> Result<(), Failed> {
    let missing: Vec<_> =
        PROGRAMS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        apt(&["update"])?;
        apt(&[&["install", "--yes", "--no-install-recommends"], &missing[..]].concat())?;
    }
    for version in PAHO_VERSIONS {
        let folder = root().join("target/clients").join(format!("paho-mqtt-{version}"));
        if !folder.join("paho").exists() {
            paho(version, &folder)?;
        }
    }
    Ok(())
}

/// Installs the broker that dinrail is measured beside, and lets no service of it run.
pub(crate) fn install_mosquitto() -> Result<(), Failed> {
    if mosquitto().is_file() {
        return Ok(());
    }
    apt(&["update"])?;
    apt(&["install", "--yes", "--no-install-recommends", "mosquitto"])?;
    if Path::new("/run/systemd/system").is_dir() {
        run(system("systemctl").args(["disable", "--now", "mosquitto"]))?;
    }
    Ok(())
}

/// Where Debian has it, which is not in everybody's PATH.
pub(crate) fn mosquitto() -> PathBuf {
    PathBuf::from("/usr/sbin/mosquitto")
}

fn paho(version: &str, folder: &Path) -> Result<(), Failed> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--root-user-action", "ignore", "--no-deps", "--target"])
        .arg(folder)
        .arg(format!("paho-mqtt=={version}"));
    run(&mut pip)
}

fn apt(arguments: &[&str]) -> Result<(), Failed> {
    let mut apt = system("apt-get");
    apt.args(["-qq"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut apt).map_err(|Failed(reason)| Failed(format!("{reason}; install its packages by hand, then try again")))
}

/// A program that only root may run.
fn system(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.arg(program);
    sudo
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}
