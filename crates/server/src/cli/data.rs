//! `dinrail data`.

use std::time::Duration;

use clap::Subcommand;
use serde_json::Value;

use super::output::{self, Column, Format};
use super::{Failure, Target};
use crate::client::segment;

const COLUMNS: [Column; 3] = [("TIME", "/timestamp"), ("VALUE", "/value"), ("QUALITY", "/quality")];

/// How often `tail` asks for what is new.
const TAIL_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// List an agent's data points with their latest values
    Points {
        /// MQTT client id, `<tenant>_<cn>`
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Read samples of a data point
    Query {
        /// MQTT client id
        client_id: String,
        /// Data point
        data_point: String,
        /// First time, as 2026-01-31T12:00:00Z
        #[arg(long)]
        from: Option<String>,
        /// Time after the last one
        #[arg(long)]
        to: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 1000)]
        limit: usize,
        /// `asc` or `desc`
        #[arg(long, default_value = "asc")]
        order: String,
        /// Width of a bucket, as 60s; needs --fn
        #[arg(long, requires = "function")]
        every: Option<String>,
        /// min, max, mean, last or count of each bucket; needs --every
        #[arg(long = "fn", id = "function", requires = "every")]
        function: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Print samples of a data point as they come
    Tail {
        /// MQTT client id
        client_id: String,
        /// Data point
        data_point: String,
        /// Begin with this many of the latest samples
        #[arg(short, long, default_value_t = 10)]
        lines: usize,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(command: DataCommand) -> Result<(), Failure> {
    match command {
        DataCommand::Points { client_id, target } => {
            let answer = target.client()?.get(&format!("/agents/{}/datapoints", segment(&client_id))).await?;
            let columns = [
                ("DATA POINT", "/dataPointId"),
                ("LAST VALUE", "/lastValue/value"),
                ("TIME", "/lastValue/timestamp"),
                ("QUALITY", "/lastValue/quality"),
            ];
            output::list(target.output, &answer, "dataPoints", &columns);
        }
        DataCommand::Query { client_id, data_point, from, to, limit, order, every, function, target } => {
            let mut path = format!("{}?limit={limit}&order={}", samples(&client_id, &data_point), segment(&order));
            for (name, value) in [("from", from), ("to", to), ("every", every), ("fn", function)] {
                path.extend(value.map(|value| format!("&{name}={}", segment(&value))));
            }
            let answer = target.client()?.get(&path).await?;
            output::list(target.output, &answer, "samples", &COLUMNS);
        }
        DataCommand::Tail { client_id, data_point, lines, target } => {
            tail(&client_id, &data_point, lines, &target).await?;
        }
    }
    Ok(())
}

async fn tail(client_id: &str, data_point: &str, lines: usize, target: &Target) -> Result<(), Failure> {
    let client = target.client()?;
    let path = samples(client_id, data_point);
    let latest = client.get(&format!("{path}?order=desc&limit={}", lines.clamp(1, 10_000))).await?;
    let mut rows: Vec<Value> = latest["samples"].as_array().cloned().unwrap_or_default();
    rows.reverse();
    let mut last = rows.last().and_then(|row| row["timestamp"].as_str()).unwrap_or_default().to_owned();
    rows.drain(..rows.len().saturating_sub(lines));
    loop {
        rows.iter().for_each(|row| line(target.output, row));
        tokio::time::sleep(TAIL_EVERY).await;
        let from = if last.is_empty() { String::new() } else { format!("&from={}", segment(&last)) };
        let answer = client.get(&format!("{path}?limit=10000{from}")).await?;
        rows = answer["samples"].as_array().cloned().unwrap_or_default();
        // `from` includes the sample that was shown last.
        rows.retain(|row| row["timestamp"].as_str().is_some_and(|time| time > last.as_str()));
        if let Some(time) = rows.last().and_then(|row| row["timestamp"].as_str()) {
            time.clone_into(&mut last);
        }
    }
}

fn line(format: Format, row: &Value) {
    match format {
        Format::Json => output::print(&row.to_string()),
        Format::Table => {
            let text = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
            output::print(&format!("{}  {}  {}", text("timestamp"), text("value"), text("quality")));
        }
    }
}

fn samples(client_id: &str, data_point: &str) -> String {
    format!("/agents/{}/datapoints/{}/samples", segment(client_id), segment(data_point))
}
