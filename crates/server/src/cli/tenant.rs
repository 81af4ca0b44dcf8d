//! `dinrail tenant`.

use clap::Subcommand;
use serde_json::json;

use super::output::{self, Column};
use super::{Failure, Target};
use crate::client::segment;

const COLUMNS: [Column; 7] = [
    ("TENANT", "/id"),
    ("CREATED", "/createdAt"),
    ("AGENTS", "/agents"),
    ("CONNECTED", "/connected"),
    ("CAS", "/authorities"),
    ("RECEIVED", "/ledger/received"),
    ("STORED", "/ledger/stored"),
];

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Create a tenant; one that is there already is shown
    Create {
        /// A letter, then letters and digits, at most 32 in all
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// List the tenants
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Show one tenant
    Show {
        /// Tenant id
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(command: TenantCommand) -> Result<(), Failure> {
    match command {
        TenantCommand::Create { id, target } => {
            let answer = target.client()?.post("/tenants", Some(json!({"id": id}))).await?;
            output::one(target.output, &answer, &COLUMNS);
        }
        TenantCommand::List { target } => {
            let answer = target.client()?.get("/tenants").await?;
            output::list(target.output, &answer, "tenants", &COLUMNS);
        }
        TenantCommand::Show { id, target } => {
            let answer = target.client()?.get(&format!("/tenants/{}", segment(&id))).await?;
            output::one(target.output, &answer, &COLUMNS);
        }
    }
    Ok(())
}
