//! Medians as Markdown, with what they were measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::broker::Kind;
use super::load::{Figures, Load, Work};
use crate::clients;
use crate::run::{Failed, output};
use crate::{cargo, root};

/// Between these lines of the document the table stands.
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// A load on a broker, and what its runs have measured.
pub(super) struct Row {
    pub(super) load: &'static Load,
    pub(super) broker: Kind,
    pub(super) runs: Vec<Figures>,
    failures: u32,
}

impl Row {
    /// The rows of a load. dinrail comes first: it makes the certificates.
    pub(super) fn of(load: &'static Load) -> Vec<Row> {
        let brokers = [Kind::Dinrail, Kind::Mosquitto].into_iter().filter(|broker| load.is_for(*broker));
        brokers.map(|broker| Row { load, broker, runs: Vec::new(), failures: 0 }).collect()
    }

    /// Tells of a run that measured nothing, and counts it.
    pub(super) fn fail(&mut self, reason: &str) {
        eprintln!("{} on {} failed: {reason}", self.load.name, self.broker.name());
        self.failures += 1;
    }

    /// What an operation is to this broker.
    fn does(&self) -> &'static str {
        match (self.load.work, self.broker) {
            (Work::Connect, Kind::Dinrail) => "connects a known agent",
            (Work::Connect, Kind::Mosquitto) => "connects anybody with a certificate",
            (_, Kind::Dinrail) => "decodes, writes to disk, stores, acknowledges",
            (_, Kind::Mosquitto) => "acknowledges, forgets",
        }
    }

    /// What stands in the table, in the order of its columns.
    fn cells(&self) -> String {
        let cell = |of: fn(&Figures) -> Option<f64>, decimals| spread(self.runs.iter().filter_map(of), decimals);
        [
            cell(|run| run.cpu_us, 1),
            cell(|run| run.per_second, 0),
            cell(|run| run.p50_us.map(in_ms), 2),
            cell(|run| run.p99_us.map(in_ms), 2),
        ]
        .join(" | ")
    }
}

/// The tables of all rows, and what was measured when and where.
pub(super) fn text(rows: &[Row], runs: u32, seconds: u32) -> Result<String, Failed> {
    let mut lines = vec![
        format!("{} runs of each, {seconds} s; medians, with the least and the most in brackets. {}", runs, place()?),
        String::new(),
        "| load | broker | what it does | CPU of the broker, us per message or connection | per second | p50, ms | p99, ms |".into(),
        "|---|---|---|---|---|---|---|".into(),
    ];
    let is_timed = |row: &&Row| matches!(row.load.work, Work::Publish { .. } | Work::Connect);
    lines.extend(
        rows.iter()
            .filter(is_timed)
            .map(|row| format!("| `{}` | {} | {} | {} |", row.load.name, row.broker.name(), row.does(), row.cells())),
    );
    let memory = rows.iter().filter(|row| row.load.work == Work::Idle).map(|row| {
        let each = spread(row.runs.iter().filter_map(|run| run.memory_kb), 1);
        format!("| `{}` | {} | {each} |", row.load.name, row.broker.name())
    });
    section(&mut lines, "| load | broker | resident memory per connection, kB |\n|---|---|---|", memory);
    let kept = rows.iter().filter(|row| row.load.work == Work::Kill).map(|row| {
        let sum = |of: fn(&(u64, u64)) -> u64| row.runs.iter().filter_map(|run| run.kept.as_ref()).map(of).sum::<u64>();
        let (acknowledged, lost) = (sum(|kept| kept.0), sum(|kept| kept.1));
        format!("| `{}` | {} | {} | {acknowledged} | {lost} |", row.load.name, row.broker.name(), row.runs.len())
    });
    section(
        &mut lines,
        "| load | broker | kills | messages acknowledged | of them lost |\n|---|---|---|---|---|",
        kept,
    );
    let failures = rows.iter().filter(|row| row.failures > 0);
    let failures = failures.map(|row| {
        format!("{} runs of `{}` on {} failed and are left out.", row.failures, row.load.name, row.broker.name())
    });
    section(&mut lines, "Not in the figures:\n", failures);
    section(&mut lines, "Loads:\n", explained(rows));
    Ok(lines.join("\n"))
}

/// A heading with lines below it, if there are any.
fn section(lines: &mut Vec<String>, heading: &str, below: impl Iterator<Item = String>) {
    let below: Vec<_> = below.collect();
    if !below.is_empty() {
        lines.extend([String::new(), heading.into()]);
        lines.extend(below);
    }
}

fn explained(rows: &[Row]) -> impl Iterator<Item = String> {
    // dinrail has every load.
    let each = rows.iter().filter(|row| row.broker == Kind::Dinrail);
    each.map(|row| format!("- `{}`: {}", row.load.name, row.load.does))
}

/// Puts the text between the marks of a document.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failed> {
    let failed = |cause: std::io::Error| Failed(format!("{}: {cause}", path.display()));
    let document = fs::read_to_string(path).map_err(failed)?;
    let parts = document.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let Some((head, tail)) = parts else {
        return Err(Failed(format!("{} has no lines {BEGIN} and {END}", path.display())));
    };
    fs::write(path, format!("{head}{BEGIN}\n{text}\n{END}{tail}")).map_err(failed)
}

/// The machine, the commit, the day, and the broker that is compared with.
fn place() -> Result<String, Failed> {
    let cpus = read("/proc/cpuinfo")?;
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": of a model it does not tell");
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease")?;
    let files = output(Command::new("df").arg("--output=fstype").arg(root()))?;
    let commit = output(Command::new("git").current_dir(root()).args(["rev-parse", "--short", "HEAD"]))?;
    let is_changed =
        !output(Command::new("git").current_dir(root()).args(["status", "--porcelain", "--", "crates"]))?.is_empty();
    let day = output(Command::new("date").args(["--utc", "+%F"]))?;
    let rust = output(cargo().arg("--version"))?;
    // It prints its help, and calls that a failure.
    let help = Command::new(clients::mosquitto()).arg("-h").output();
    let help = help.map_err(|cause| Failed(format!("mosquitto: {cause}")))?;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    Ok(format!(
        "CPU {}, {cores} cores; Linux {}; {}; dinrail {}{}; {}; {}; {}.",
        model.trim_start_matches(['\t', ' ', ':']),
        kernel.trim(),
        files.lines().last().unwrap_or_default().trim(),
        commit.trim(),
        if is_changed { " with changes" } else { "" },
        help.lines().next().unwrap_or("mosquitto").trim(),
        rust.trim(),
        day.trim(),
    ))
}

fn read(path: &str) -> Result<String, Failed> {
    fs::read_to_string(path).map_err(|cause| Failed(format!("{path}: {cause}")))
}

fn in_ms(us: f64) -> f64 {
    us / 1000.0
}

/// Median (least to most), or a dash where nothing was measured.
fn spread(numbers: impl Iterator<Item = f64>, decimals: usize) -> String {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let [Some(least), Some(most)] = [numbers.first(), numbers.last()] else { return "-".into() };
    let middle = (numbers[(numbers.len() - 1) / 2] + numbers[numbers.len() / 2]) / 2.0;
    format!("{middle:.decimals$} ({least:.decimals$} to {most:.decimals$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_stands_in_the_middle_of_its_spread() {
        assert_eq!(spread([3.0, 1.0, 2.0].into_iter(), 0), "2 (1 to 3)");
        assert_eq!(spread([4.0, 1.0].into_iter(), 1), "2.5 (1.0 to 4.0)");
        assert_eq!(spread([].into_iter(), 1), "-");
    }

    #[test]
    fn what_failed_is_told_and_not_in_the_figures() {
        let load = super::super::LOADS.iter().find(|load| load.name == "connect").unwrap();
        let mut rows = Row::of(load);
        rows[0].runs.push(Figures { cpu_us: Some(300.0), p50_us: Some(1500.0), ..Figures::default() });
        rows[1].fail("nobody was there");
        assert_eq!(rows[0].cells(), "300.0 (300.0 to 300.0) | - | 1.50 (1.50 to 1.50) | -");
        assert_eq!(rows[1].cells(), "- | - | - | -");
        assert_eq!(rows[1].failures, 1);
    }
}
