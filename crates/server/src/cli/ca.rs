//! `dinrail ca`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{self, Column};
use super::{Failure, Target};
use crate::client::{Client, segment};
use crate::issuing;

const COLUMNS: [Column; 7] = [
    ("ID", "/id"),
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("SUBJECT", "/subject"),
    ("ENDS", "/notAfter"),
    ("AGENTS", "/agentCount"),
    ("REGISTRATION CODE", "/registrationCode"),
];

#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    /// Upload a CA certificate; it is trusted once its key is proven with `verify`
    Add {
        /// Tenant id
        #[arg(long)]
        tenant: String,
        /// PEM file
        certificate: PathBuf,
        /// A name for people; the subject by default
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List a tenant's CAs
    List {
        /// Tenant id
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        target: Target,
    },
    /// Show one CA
    Show {
        /// Tenant id
        #[arg(long)]
        tenant: String,
        /// Id of the CA, as `list` shows it
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Show the registration code of a pending CA; an expired one is renewed
    Code {
        /// Tenant id
        #[arg(long)]
        tenant: String,
        /// Id of the CA
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Prove that you hold the CA's key
    ///
    /// With --key the proof is made here, and the key stays here. With --certificate you made it yourself:
    /// a certificate signed by the CA whose common name is the registration code.
    Verify {
        /// Tenant id
        #[arg(long)]
        tenant: String,
        /// Id of the CA
        id: String,
        /// PEM file with the CA's private key
        #[arg(long, required_unless_present = "certificate", conflicts_with = "certificate")]
        key: Option<PathBuf>,
        /// PEM file with a verification certificate
        #[arg(long)]
        certificate: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a CA: the connections of its agents close, their data stays
    Revoke {
        /// Tenant id
        #[arg(long)]
        tenant: String,
        /// Id of the CA
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(command: CaCommand) -> Result<(), Failure> {
    let path = |tenant: &str, rest: &str| format!("/tenants/{}/authorities{rest}", segment(tenant));
    match command {
        CaCommand::Add { tenant, certificate, name, target } => {
            let pem = std::fs::read_to_string(&certificate).map_err(|cause| Failure::file(&certificate, cause))?;
            let body = json!({"name": name, "certificate": pem});
            let answer = target.client()?.post(&path(&tenant, ""), Some(body)).await?;
            output::one(target.output, &answer, &COLUMNS);
            for warning in answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                eprintln!("warning: {warning}");
            }
            let id = answer["id"].as_str().unwrap_or_default();
            eprintln!("next: dinrail ca verify --tenant {tenant} {id} --key FILE");
        }
        CaCommand::List { tenant, target } => {
            let answer = target.client()?.get(&path(&tenant, "")).await?;
            output::list(target.output, &answer, "authorities", &COLUMNS);
        }
        CaCommand::Show { tenant, id, target } => {
            let answer = target.client()?.get(&path(&tenant, &format!("/{}", segment(&id)))).await?;
            output::one(target.output, &answer, &COLUMNS);
        }
        CaCommand::Code { tenant, id, target } => {
            let answer = target.client()?.post(&path(&tenant, &format!("/{}/code", segment(&id))), None).await?;
            output::one(
                target.output,
                &answer,
                &[("REGISTRATION CODE", "/registrationCode"), ("EXPIRES", "/codeExpiresAt")],
            );
        }
        CaCommand::Verify { tenant, id, key, certificate, target } => {
            let client = target.client()?;
            let proof = match (key, certificate) {
                (Some(key), _) => prove(&client, &path(&tenant, &format!("/{}/code", segment(&id))), &key).await?,
                (None, Some(file)) => std::fs::read_to_string(&file).map_err(|cause| Failure::file(&file, cause))?,
                (None, None) => return Err(Failure::Usage("give --key or --certificate".to_owned())),
            };
            let body = json!({"verificationCertificate": proof});
            let answer = client.post(&path(&tenant, &format!("/{}/verify", segment(&id))), Some(body)).await?;
            output::one(target.output, &answer, &COLUMNS);
        }
        CaCommand::Revoke { tenant, id, target } => {
            target.client()?.delete(&path(&tenant, &format!("/{}", segment(&id)))).await?;
            output::print("revoked");
        }
    }
    Ok(())
}

/// Fetches the CA and its code, and signs the code with the key.
async fn prove(client: &Client, code_path: &str, key: &std::path::Path) -> Result<String, Failure> {
    let answer = client.post(code_path, None).await?;
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let code = text("registrationCode");
    if code.is_empty() {
        return Err(Failure::Usage(format!("the CA is {}; only a pending one is to be verified", text("status"))));
    }
    issuing::prove(&text("certificate"), key, &code)
}
