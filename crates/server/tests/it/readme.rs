//! The README's commands do what it says.

use std::path::Path;
use std::process::Command;

use crate::support::{DINRAIL, Dev, folder, output};

/// Commands of the README's console blocks, in their order; a line that ends in a backslash goes on.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let mut commands = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        commands.extend(block.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned));
    }
    commands
}

#[test]
fn every_command_of_the_readme_succeeds_in_its_order() {
    let folder = folder();
    // The README starts it in the same folder, without naming one.
    let dev = Dev::start_with(&folder.path().join("dinrail-dev"), &["--fleet", "1"]);
    crate::support::wait_for("the fleet", || {
        (dev.api().call("GET", "/api/dinrail/v1/agents/demo_fleet-01/datapoints/temperature/samples", None).0 == 200)
            .then_some(())
    });
    let path = format!("{}:{}", Path::new(DINRAIL).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut id = String::new();
    let mut ran = 0;
    for command in commands() {
        // The paths of a checkout, a command that does not end, and a sample that the pasted line has to send first.
        if command.contains("export PATH")
            || command.contains("data tail")
            || command.contains("--follow")
            || command.contains("demo_hello")
        {
            continue;
        }
        let command = command.replace(" ID ", &format!(" {id} "));
        let mut shell = Command::new("bash");
        shell.args(["-c", &command]).current_dir(folder.path()).env("PATH", &path).env_remove("DINRAIL_SERVER");
        let text = output(&mut shell);
        if command.contains("ca add") {
            id = text.split_whitespace().find(|word| word.len() == 26).unwrap().to_owned();
        }
        ran += 1;
    }
    assert!(ran >= 10, "the README has fewer commands than it had");
    let listed = output(
        Command::new("bash")
            .args(["-c", "dinrail ca list --tenant acme"])
            .current_dir(folder.path())
            .env("PATH", &path),
    );
    assert!(listed.contains("VERIFIED"), "{listed}");
}
