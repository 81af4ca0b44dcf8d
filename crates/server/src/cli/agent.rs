//! `dinrail agent`.

use std::path::PathBuf;

use clap::Subcommand;
use identity::{ClientId, CommonName, TenantId};
use serde_json::json;

use super::output::{self, Column};
use super::{Failure, Target};
use crate::client::segment;
use crate::issuing;

const COLUMNS: [Column; 8] = [
    ("AGENT", "/clientId"),
    ("STATE", "/state"),
    ("SINCE", "/since"),
    ("DATA POINTS", "/dataPoints"),
    ("RECEIVED", "/ledger/received"),
    ("STORED", "/ledger/stored"),
    ("REJECTED", "/ledger/rejected"),
    ("LAST ERROR", "/lastError/code"),
];

const FIELDS: [Column; 16] = [
    ("agent", "/clientId"),
    ("tenant", "/tenant"),
    ("state", "/state"),
    ("since", "/since"),
    ("address", "/address"),
    ("data points", "/dataPoints"),
    ("messages queued", "/queued"),
    ("values received", "/ledger/received"),
    ("  stored", "/ledger/stored"),
    ("  duplicate", "/ledger/duplicate"),
    ("  parked", "/ledger/parked"),
    ("  rejected", "/ledger/rejected"),
    ("last error", "/lastError/code"),
    ("", "/lastError/message"),
    ("certificate", "/credentials/0/subject"),
    ("  ends", "/credentials/0/notAfter"),
];

/// Columns of what was refused of an agent's messages.
pub(super) const REJECTS: [Column; 5] = [
    ("TIME", "/timestamp"),
    ("CODE", "/entries/0/code"),
    ("PATH", "/entries/0/path"),
    ("REASON", "/entries/0/message"),
    ("TOPIC", "/topic"),
];

#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// Make a key and a certificate for an agent, with the tenant's CA key, on this machine
    Issue {
        /// Tenant id
        #[arg(long)]
        tenant: String,
        /// Common name of the agent; its client id is `<tenant>_<cn>`
        #[arg(long)]
        cn: String,
        /// PEM file of the tenant's CA
        #[arg(long)]
        ca: PathBuf,
        /// PEM file of the CA's private key
        #[arg(long)]
        ca_key: PathBuf,
        /// Folder for the new files
        #[arg(long, default_value = ".")]
        out: PathBuf,
        /// Days that the certificate lives
        #[arg(long, default_value_t = 365)]
        days: u64,
        /// Host name of the server, for the lines to paste
        #[arg(long, default_value = "localhost")]
        host: String,
        /// PEM file of the server's CA, for the lines to paste
        #[arg(long, default_value = "server-ca.pem")]
        host_ca: PathBuf,
    },
    /// List agents
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
    /// Show one agent: is it there, what has it sent, what went wrong
    Show {
        /// MQTT client id, `<tenant>_<cn>`
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Show what was refused of an agent's messages, with the reason and the place
    Rejects {
        /// MQTT client id
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke an agent: its connections close, and it is not let in again
    Revoke {
        /// MQTT client id
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Let a revoked agent in again
    Restore {
        /// MQTT client id
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Send a message to one of the agent's own `i/` topics
    Send {
        /// MQTT client id
        client_id: String,
        /// What follows `i/`, as `cmd_v3/c`
        topic: String,
        /// The message
        payload: String,
        /// 0 or 1
        #[arg(long, default_value_t = 1)]
        qos: u8,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(command: AgentCommand) -> Result<(), Failure> {
    let path = |client_id: &str, rest: &str| format!("/agents/{}{rest}", segment(client_id));
    match command {
        AgentCommand::Issue { tenant, cn, ca, ca_key, out, days, host, host_ca } => {
            let tenant: TenantId = tenant.parse().map_err(|error| Failure::Usage(format!("--tenant: {error}")))?;
            let name: CommonName = cn.parse().map_err(|error| Failure::Usage(format!("--cn: {error}")))?;
            let client_id =
                ClientId::for_agent(&tenant, &name).map_err(|error| Failure::Usage(format!("--cn: {error}")))?;
            let issued = issuing::issue_agent(&ca, &ca_key, &cn, days, &out)?;
            let paste = crate::snippets::Paste {
                host: &host,
                port: 8883,
                server_ca: &host_ca,
                certificate: &issued.certificate,
                key: &issued.key,
                tenant: tenant.as_str(),
                client_id: client_id.as_str(),
            };
            output::print(&format!(
                "certificate  {}\nkey          {}\nclient id    {client_id}\n",
                issued.certificate.display(),
                issued.key.display()
            ));
            output::print(&format!(
                "The first connect makes the agent and is closed; the next one stays.\n\n{}\n\n{}",
                paste.mosquitto_pub(),
                paste.paho()
            ));
        }
        AgentCommand::List { tenant, after, limit, target } => {
            let mut path = format!("/agents?limit={limit}");
            for (name, value) in [("tenant", tenant), ("after", after)] {
                path.extend(value.map(|value| format!("&{name}={}", segment(&value))));
            }
            let answer = target.client()?.get(&path).await?;
            output::list(target.output, &answer, "agents", &COLUMNS);
        }
        AgentCommand::Show { client_id, target } => {
            let answer = target.client()?.get(&path(&client_id, "")).await?;
            output::one(target.output, &answer, &FIELDS);
        }
        AgentCommand::Rejects { client_id, target } => {
            let answer = target.client()?.get(&path(&client_id, "/rejects")).await?;
            output::list(target.output, &answer, "rejects", &REJECTS);
        }
        AgentCommand::Revoke { client_id, target } => {
            target.client()?.post(&path(&client_id, "/revoke"), None).await?;
            output::print("revoked");
        }
        AgentCommand::Restore { client_id, target } => {
            target.client()?.post(&path(&client_id, "/restore"), None).await?;
            output::print("restored");
        }
        AgentCommand::Send { client_id, topic, payload, qos, target } => {
            let body = json!({"topic": topic, "payload": payload, "qos": qos});
            let answer = target.client()?.post(&path(&client_id, "/messages"), Some(body)).await?;
            output::one(target.output, &answer, &[("SESSIONS REACHED", "/sessions")]);
        }
    }
    Ok(())
}
