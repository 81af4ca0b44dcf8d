//! `dinrail trace`.

use clap::Subcommand;
use serde_json::Value;

use super::output::{self, Column, Format};
use super::{Failure, Target};
use crate::client::segment;

const COLUMNS: [Column; 7] = [
    ("TIME", "/timestamp"),
    ("STAGE", "/stage"),
    ("CODE", "/code"),
    ("CLIENT ID", "/clientId"),
    ("SUBJECT", "/subject"),
    ("ADDRESS", "/address"),
    ("HINT", "/hint"),
];

#[derive(Debug, Subcommand)]
pub(super) enum TraceCommand {
    /// Show refused handshakes and CONNECTs, newest first, each with a hint
    Handshakes {
        /// Only those of this tenant
        #[arg(long)]
        tenant: Option<String>,
        /// Only those with this text: subject, serial, client id, address, tracking id
        #[arg(long)]
        search: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        target: Target,
    },
    /// Show what was refused of one client; with --follow, every packet and verdict of it as they happen
    Agent {
        /// MQTT client id; it need not have connected yet
        client_id: String,
        /// Show what happens from now on
        #[arg(short, long)]
        follow: bool,
        /// Show payloads too
        #[arg(long, requires = "follow")]
        payloads: bool,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(command: TraceCommand) -> Result<(), Failure> {
    match command {
        TraceCommand::Handshakes { tenant, search, limit, target } => {
            let mut path = format!("/handshakes?limit={limit}");
            for (name, value) in [("tenant", tenant), ("q", search)] {
                path.extend(value.map(|value| format!("&{name}={}", segment(&value))));
            }
            let answer = target.client()?.get(&path).await?;
            output::list(target.output, &answer, "handshakes", &COLUMNS);
        }
        TraceCommand::Agent { client_id, follow: true, payloads, target } => {
            let path = format!("/agents/{}/trace?payloads={payloads}", segment(&client_id));
            target.client()?.follow(&path, |text| line(target.output, text)).await?;
        }
        TraceCommand::Agent { client_id, target, .. } => {
            let client = target.client()?;
            let refused = client.get(&format!("/handshakes?q={}", segment(&client_id))).await?;
            output::list(target.output, &refused, "handshakes", &COLUMNS);
            let rejects = client.get(&format!("/agents/{}/rejects", segment(&client_id))).await?;
            output::list(target.output, &rejects, "rejects", &super::agent::REJECTS);
        }
    }
    Ok(())
}

fn line(format: Format, text: &str) {
    let Ok(line) = serde_json::from_str::<Value>(text) else { return };
    if format == Format::Json {
        return output::print(text);
    }
    let field = |name: &str| line[name].as_str().unwrap_or_default();
    if line["lost"].as_u64().is_some_and(|lost| lost > 0) {
        output::print(&format!("... {} lines were lost", line["lost"]));
    }
    let arrow = match field("direction") {
        "in" => "->",
        "out" => "<-",
        _ => "  ",
    };
    output::print(&format!("{}  {arrow} {:<11} {}", field("timestamp"), field("what"), field("detail")));
    if let Some(payload) = line["payload"].as_str() {
        output::print(&format!("{:31}{payload}", ""));
    }
}
