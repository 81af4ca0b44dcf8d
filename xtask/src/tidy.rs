//! What a machine can check of the house: who knows whom, what a pure crate may not call, a doc in each file, the map.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::run::{Failed, output, run};
use crate::{cargo, root};

/// Which of our crates each crate may depend on. Tests may depend on more only where it says so.
const EDGES: [(&str, &[&str]); 10] = [
    ("dinrail-mqtt", &[]),
    ("dinrail-log", &[]),
    ("identity", &[]),
    ("ingest", &[]),
    ("broker", &[]),
    ("tenant", &["broker", "ingest", "identity"]),
    ("store", &["tenant", "broker", "ingest", "identity"]),
    ("simulator", &["dinrail-log", "identity", "ingest", "broker", "tenant", "store"]),
    ("dinrail", &["dinrail-mqtt", "dinrail-log", "identity", "ingest", "broker", "tenant", "store"]),
    ("xtask", &[]),
];

/// Crates that take bytes, records and times as arguments, and nothing from the machine they run on.
const PURE: [&str; 5] = ["mqtt", "identity", "ingest", "broker", "tenant"];

/// What pure crates do not call, and why.
const BANNED: [(&str, &str); 6] = [
    ("SystemTime::now", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("Timestamp::now", "time is an argument"),
    ("std::fs", "only log and store touch files"),
    ("std::net", "only server has sockets"),
    ("rand::", "randomness is an argument"),
];

/// Marks of unfinished work; split, so that this file has none.
const UNFINISHED: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("#[ign", "ore")];

/// Checks all of it; every fault is printed.
pub(crate) fn check() -> Result<(), Failed> {
    let mut faults = edges()?;
    faults.extend(files()?);
    faults.extend(map()?);
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    if !faults.is_empty() {
        return Err(Failed(format!("{} faults", faults.len())));
    }
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

fn edges() -> Result<Vec<String>, Failed> {
    let text =
        output(Command::new("cargo").current_dir(root()).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|cause| Failed(format!("cargo metadata: {cause}")))?;
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
            faults.push(format!(
                "{name} is a new crate: say in xtask/src/tidy.rs whom it may know, and in ARCHITECTURE.md what it is"
            ));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        for dependency in dependencies.filter(|dependency| dependency["path"].is_string()) {
            let target = dependency["name"].as_str().unwrap_or_default();
            if !allowed.contains(&target) {
                faults.push(format!("{name} depends on {target}, which it may not know"));
            }
        }
    }
    Ok(faults)
}

fn files() -> Result<Vec<String>, Failed> {
    let mut faults = Vec::new();
    for path in sources(&root().join("crates"))?.into_iter().chain(sources(&root().join("xtask"))?) {
        let text = fs::read_to_string(&path).map_err(|cause| Failed(format!("{}: {cause}", path.display())))?;
        let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        if !text.starts_with("//!") {
            faults.push(format!("{shown} does not say at its top what it is"));
        }
        faults
            .extend(UNFINISHED.iter().filter(|mark| text.contains(*mark)).map(|mark| format!("{shown} has a {mark}")));
        let is_pure = PURE.iter().any(|pure| shown.starts_with(&format!("crates/{pure}/src")));
        let calls = BANNED.iter().filter(|(call, _)| is_pure && text.contains(call));
        faults.extend(calls.map(|(call, why)| format!("{shown} has {call}: {why}")));
    }
    Ok(faults)
}

/// ARCHITECTURE.md names exactly the crates that there are.
fn map() -> Result<Vec<String>, Failed> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md"))
        .map_err(|cause| Failed(format!("ARCHITECTURE.md: {cause}")))?;
    let named: BTreeSet<String> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `crates/")?.split_once('`').map(|(name, _)| name.trim_end_matches('/').to_owned())
        })
        .collect();
    let folders = fs::read_dir(root().join("crates")).map_err(|cause| Failed(format!("crates: {cause}")))?;
    let there: BTreeSet<String> = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let missing = there.difference(&named).map(|name| format!("ARCHITECTURE.md does not name crates/{name}"));
    let gone = named.difference(&there).map(|name| format!("ARCHITECTURE.md names crates/{name}, which is not there"));
    Ok(missing.chain(gone).collect())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(|cause| Failed(format!("{}: {cause}", folder.display())))?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
