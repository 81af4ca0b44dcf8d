//! What the program gives to people and other programs: lines, and files that are whole.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Prints a line. A reader that has gone away (`| head`) ends the program quietly.
pub(crate) fn print(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Writes a file for its owner alone, all of it or nothing: whoever waits for the file reads no half of it.
pub(crate) fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(part, path)
}
