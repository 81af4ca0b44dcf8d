//! Agents with certificates of the demo tenant's CA.

use std::path::{Path, PathBuf};

use crate::door::Files;
use crate::failure::Failure;
use crate::issuing::issue_agent;

/// Days that an agent's certificate lives.
const DAYS: u64 = 364;

/// An agent that can connect.
#[derive(Clone, Debug)]
pub(super) struct IssuedAgent {
    pub(super) client_id: String,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Issues a certificate for the agent, or finds the one that an earlier run issued.
pub(super) fn issue(folder: &Path, ca: &Files, name: &str) -> Result<IssuedAgent, Failure> {
    let folder = folder.join("agents");
    let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    if !(certificate.exists() && key.exists()) {
        let _ = std::fs::remove_file(&key);
        issue_agent(&ca.certificate, &ca.key, name, DAYS, &folder)?;
    }
    Ok(IssuedAgent { client_id: format!("{}_{name}", super::TENANT), certificate, key })
}
