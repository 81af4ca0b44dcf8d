//! `cargo xtask bench`: dinrail and mosquitto under the same loads, one after the other, and a table of what they cost.

mod broker;
mod load;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::run::{Failed, is_there};
use crate::{clients, release, root};
use broker::{Broker, Kind};
use load::{Figures, LOADS, Load};
use table::Row;

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Runs of each load on each broker, of which the medians are told
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Seconds of each load
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Only these loads, as ingest_w20,connect; the table is printed and not written
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// Measures, prints the table, and writes it into docs/benchmarks.md.
pub(crate) fn run(options: &Options) -> Result<(), Failed> {
    let loads = chosen(&options.only)?;
    if let Some(missing) = ["taskset", "prlimit"].into_iter().find(|program| !is_there(program)) {
        return Err(Failed(format!("there is no {missing}; install util-linux")));
    }
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Err(Failed("the broker and the simulator need a core each, and there is only one".into()));
    }
    clients::install_mosquitto()?;
    let program = release()?;

    let mut rows: Vec<_> = loads.into_iter().flat_map(Row::of).collect();
    for round in 1..=options.runs {
        for pair in rows.chunk_by_mut(|one, other| one.load.name == other.load.name) {
            let folder = Folder::make(round, pair[0].load)?;
            for row in pair {
                eprintln!("run {round} of {}: {} on {}", options.runs, row.load.name, row.broker.name());
                // One failure does not spoil the others; the table says how many there were.
                match measure(row, &program, &folder.0, options.seconds) {
                    Ok(figures) => row.runs.push(figures),
                    Err(Failed(reason)) => row.fail(&reason),
                }
            }
        }
    }
    let text = table::text(&rows, options.runs, options.seconds)?;
    println!("{text}");
    if !options.only.is_empty() {
        return Ok(());
    }
    table::write(&root().join("docs/benchmarks.md"), &text)
}

/// One run, on a broker that has seen nothing before.
fn measure(row: &Row, program: &Path, folder: &Path, seconds: u32) -> Result<Figures, Failed> {
    let mut broker = match row.broker {
        Kind::Dinrail => Broker::dinrail(program, folder)?,
        Kind::Mosquitto => Broker::mosquitto(folder)?,
    };
    load::run(row.load, program, &mut broker, seconds)
}

fn chosen(only: &[String]) -> Result<Vec<&'static Load>, Failed> {
    if let Some(unknown) = only.iter().find(|name| LOADS.iter().all(|load| load.name != *name)) {
        let names: Vec<_> = LOADS.iter().map(|load| load.name).collect();
        return Err(Failed(format!("there is no load {unknown}; there are {}", names.join(", "))));
    }
    Ok(LOADS.iter().filter(|load| only.is_empty() || only.iter().any(|name| name == load.name)).collect())
}

/// The folder of a run, which goes with it. It is where the repository is: temporary folders may be in memory, where
/// nothing has to be written through.
struct Folder(PathBuf);

impl Folder {
    fn make(round: u32, load: &Load) -> Result<Folder, Failed> {
        let name = format!("{}-{round}-{}", load.name, std::process::id());
        let path = root().join("target/bench").join(name);
        fs::create_dir_all(&path).map_err(|cause| Failed(format!("{}: {cause}", path.display())))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
