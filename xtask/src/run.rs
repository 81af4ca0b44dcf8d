//! Running other programs.

use std::process::Command;

/// What went wrong, for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

/// Runs a program and waits for it.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    let line = line(command);
    let status = command.status().map_err(|cause| Failed(format!("{line}: {cause}")))?;
    if status.success() { Ok(()) } else { Err(Failed(format!("{line}: {status}"))) }
}

/// Runs a program and gives what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String, Failed> {
    let line = line(command);
    let output = command.output().map_err(|cause| Failed(format!("{line}: {cause}")))?;
    if !output.status.success() {
        return Err(Failed(format!("{line}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr))));
    }
    String::from_utf8(output.stdout).map_err(|_| Failed(format!("{line}: its output is not text")))
}

/// Whether a program is there.
pub(crate) fn is_there(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
