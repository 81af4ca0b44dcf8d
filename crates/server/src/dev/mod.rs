//! `dinrail dev`: a server, and all that a new user would have to make first. It goes the way that users go: over the
//! API and the MQTT port, with certificates signed by a CA whose possession was proven.

mod agents;
mod fleet;
mod report;

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use crate::client::{Client, ClientError};
use crate::config::Config;
use crate::door::{self, Files};
use crate::failure::Failure;
use crate::server::Server;
use agents::IssuedAgent;
use fleet::Fleet;

/// The tenant that dev makes.
const TENANT: &str = "demo";

/// Days that dev's CA lives; its agents' certificates end with it.
const CA_DAYS: u64 = 365;

/// Agents that are ready and that nobody has onboarded.
const FRESH_AGENTS: usize = 2;

/// The agent that the printed lines use; dev onboards it.
const HELLO: &str = "hello";

/// What to start.
#[derive(Debug)]
pub(crate) struct Options {
    /// Absolute path of the data folder.
    pub(crate) folder: PathBuf,
    /// Agents of the built-in fleet.
    pub(crate) fleet: usize,
    /// MQTT, HTTPS and HTTP; 0 takes a free one.
    pub(crate) ports: [u16; 3],
}

/// Runs until the process is asked to end.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    // Whoever waits for dev.json must not read the ports of an earlier run.
    let _ = std::fs::remove_file(options.folder.join("dev.json"));
    let server = Server::start(&Config::dev(&options.folder, options.ports))?;
    let prepared = server.control().block_on(prepare(&server, options));
    let result = match prepared {
        Ok(()) => server.wait_for_signal().map_err(|cause| Failure::Usage(cause.to_string())),
        Err(failure) => Err(failure),
    };
    server.stop();
    result
}

async fn prepare(server: &Server, options: &Options) -> Result<(), Failure> {
    let folder = &options.folder;
    let client = Client::local(&server.addresses.socket);
    client.post("/tenants", Some(json!({"id": TENANT}))).await?;
    let ca = tenant_ca(&client, folder).await?;
    let token = operator_token(&client, server, folder).await?;

    let hello = agents::issue(folder, &ca, HELLO)?;
    let fleet = Fleet::new(server)?;
    fleet.onboard(&hello).await?;
    let mut members = Vec::new();
    for number in 1..=options.fleet {
        members.push(agents::issue(folder, &ca, &format!("fleet-{number:02}"))?);
    }
    let fresh = fresh_agents(&client, folder, &ca).await?;

    let started = report::Started { server, tenant: TENANT, token: &token, hello: &hello, fresh: &fresh };
    started.write(&folder.join("dev.json"))?;
    started.print(options.fleet);
    for agent in &members {
        fleet.run(server, agent)?;
    }
    server.control().spawn(report::every_second(server.engine.clone(), server.stop_token()));
    Ok(())
}

/// The tenant's CA: made here, uploaded, and proven with its key, once.
async fn tenant_ca(client: &Client, folder: &Path) -> Result<Files, Failure> {
    let files = Files { certificate: folder.join("demo-ca.pem"), key: folder.join("demo-ca.key") };
    if !files.certificate.exists() {
        make_ca(&files)?;
    }
    let pem = door::read(&files.certificate).map_err(usage)?;
    let path = format!("/tenants/{TENANT}/authorities");
    let listed = client.get(&path).await?;
    let same = |authority: &&Value| authority["certificate"].as_str().map(str::trim) == Some(pem.trim());
    let authority = match listed["authorities"].as_array().into_iter().flatten().find(same) {
        Some(known) => known.clone(),
        None => client.post(&path, Some(json!({"name": "dinrail dev", "certificate": pem}))).await?,
    };
    if authority["status"] == "PENDING_VERIFICATION" {
        let path = format!("{path}/{}", authority["id"].as_str().unwrap_or_default());
        let code = client.post(&format!("{path}/code"), None).await?;
        let proof = crate::issuing::prove(&pem, &files.key, code["registrationCode"].as_str().unwrap_or_default())?;
        client.post(&format!("{path}/verify"), Some(json!({"verificationCertificate": proof}))).await?;
    }
    Ok(files)
}

fn make_ca(files: &Files) -> Result<(), Failure> {
    let making = |cause: rcgen::Error| Failure::Usage(format!("the CA cannot be made: {cause}"));
    let key = KeyPair::generate().map_err(making)?;
    let mut params = door::params("dinrail dev demo CA", CA_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).map_err(making)?;
    // The key first: a certificate that is there has its key.
    door::write_secret(&files.key, &key.serialize_pem()).map_err(usage)?;
    door::write(&files.certificate, &certificate.pem()).map_err(usage)
}

/// The operator's token, in a file of its owner's; the server knows only its hash.
async fn operator_token(client: &Client, server: &Server, folder: &Path) -> Result<String, Failure> {
    let path = folder.join("operator.token");
    if let Ok(token) = door::read(&path)
        && works(server, token.trim()).await
    {
        return Ok(token.trim().to_owned());
    }
    let answer = client.post("/tokens", Some(json!({"label": "dinrail dev"}))).await?;
    let token = answer["token"].as_str().unwrap_or_default().to_owned();
    door::write_secret(&path, &token).map_err(usage)?;
    Ok(token)
}

async fn works(server: &Server, token: &str) -> bool {
    let Some(http) = server.addresses.http else { return false };
    match Client::loopback(http, token) {
        Ok(client) => client.get("/tenants").await.is_ok(),
        Err(_) => false,
    }
}

/// All agents that were made ready, with at least two that nobody has onboarded.
async fn fresh_agents(client: &Client, folder: &Path, ca: &Files) -> Result<Vec<IssuedAgent>, Failure> {
    let mut agents = Vec::new();
    let mut fresh = 0;
    while fresh < FRESH_AGENTS {
        let agent = agents::issue(folder, ca, &format!("press-{:02}", agents.len() + 1))?;
        match client.get(&format!("/agents/{}", agent.client_id)).await {
            Ok(_) => {}
            Err(ClientError::Refused { status: 404, .. }) => fresh += 1,
            Err(error) => return Err(error.into()),
        }
        agents.push(agent);
    }
    Ok(agents)
}

fn usage(cause: impl std::fmt::Display) -> Failure {
    Failure::Usage(cause.to_string())
}
