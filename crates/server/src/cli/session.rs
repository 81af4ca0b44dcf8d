//! `dinrail session`.

use clap::Subcommand;

use super::output::{self, Column};
use super::{Failure, Target};
use crate::client::segment;

const COLUMNS: [Column; 7] = [
    ("CLIENT ID", "/clientId"),
    ("FACE", "/face"),
    ("CONNECTED", "/connected"),
    ("EXPIRES", "/expiresAt"),
    ("QUEUED", "/queued"),
    ("IN FLIGHT", "/inflight"),
    ("FIRST SUBSCRIPTION", "/subscriptions/0/filter"),
];

const SUBSCRIPTIONS: [Column; 2] = [("FILTER", "/filter"), ("QOS", "/qos")];

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// List sessions, of clients that are connected and of those that will come back
    List {
        /// Only this tenant's
        #[arg(long)]
        tenant: Option<String>,
        /// Skip all up to this client id
        #[arg(long)]
        after: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        target: Target,
    },
    /// Show an agent's session: what waits for it, and its subscriptions
    Show {
        /// MQTT client id
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// End an agent's connection; its session stays, and it may connect again at once
    Kick {
        /// MQTT client id
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::List { tenant, after, limit, target } => {
            let mut path = format!("/sessions?limit={limit}");
            for (name, value) in [("tenant", tenant), ("after", after)] {
                path.extend(value.map(|value| format!("&{name}={}", segment(&value))));
            }
            let answer = target.client()?.get(&path).await?;
            output::list(target.output, &answer, "sessions", &COLUMNS);
        }
        SessionCommand::Show { client_id, target } => {
            let answer = target.client()?.get(&format!("/agents/{}/sessions", segment(&client_id))).await?;
            output::list(target.output, &answer, "sessions", &COLUMNS[..6]);
            if target.output == output::Format::Table {
                for session in answer["sessions"].as_array().into_iter().flatten() {
                    output::list(target.output, session, "subscriptions", &SUBSCRIPTIONS);
                }
            }
        }
        SessionCommand::Kick { client_id, target } => {
            target.client()?.post(&format!("/agents/{}/disconnect", segment(&client_id)), None).await?;
            output::print("kicked");
        }
    }
    Ok(())
}
