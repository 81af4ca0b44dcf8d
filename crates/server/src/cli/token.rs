//! `dinrail token`.

use clap::Subcommand;
use serde_json::json;

use super::output::{self, Column};
use super::{Failure, Target};
use crate::client::segment;

const COLUMNS: [Column; 5] =
    [("ID", "/id"), ("TENANT", "/tenant"), ("ROLE", "/role"), ("LABEL", "/label"), ("EXPIRES", "/expiresAt")];

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token and show it this once
    Create {
        /// The tenant it is for; without one it is an operator's
        #[arg(long)]
        tenant: Option<String>,
        /// `reader` (by default) or `admin` of the tenant
        #[arg(long)]
        role: Option<String>,
        /// What it is used for
        #[arg(long, default_value = "")]
        label: String,
        /// Days it lives
        #[arg(long, default_value_t = 365)]
        days: u32,
        #[command(flatten)]
        target: Target,
    },
    /// List tokens, without their secrets
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Delete a token; it is refused from now on
    Delete {
        /// Id of the token, as `list` shows it
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { tenant, role, label, days, target } => {
            let body = json!({"tenant": tenant, "role": role, "label": label, "days": days});
            let answer = target.client()?.post("/tokens", Some(body)).await?;
            let fields: Vec<Column> = [("TOKEN", "/token")].into_iter().chain(COLUMNS).collect();
            output::one(target.output, &answer, &fields);
        }
        TokenCommand::List { target } => {
            let answer = target.client()?.get("/tokens").await?;
            output::list(target.output, &answer, "tokens", &COLUMNS);
        }
        TokenCommand::Delete { id, target } => {
            target.client()?.delete(&format!("/tokens/{}", segment(&id))).await?;
            output::print("deleted");
        }
    }
    Ok(())
}
