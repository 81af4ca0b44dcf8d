//! `dinrail trace`.

use clap::Subcommand;

use super::client::{Client, segment};
use super::output::{self, Column};
use super::{Failure, Target};

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
}

pub(super) async fn run(command: TraceCommand) -> Result<(), Failure> {
    let TraceCommand::Handshakes { tenant, search, limit, target } = command;
    let mut path = format!("/handshakes?limit={limit}");
    for (name, value) in [("tenant", tenant), ("q", search)] {
        path.extend(value.map(|value| format!("&{name}={}", segment(&value))));
    }
    let answer = Client::new(&target)?.get(&path).await?;
    output::list(target.output, &answer, "handshakes", &COLUMNS);
    Ok(())
}
