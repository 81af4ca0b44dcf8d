//! An agent's files, and the arguments with which real clients take them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{DINRAIL, Serve, output};

/// An agent that can connect.
#[derive(Clone, Debug)]
pub struct Agent {
    pub client_id: String,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Agent {
    /// Issues a certificate with the command line.
    pub fn issue(folder: &Path, (ca, ca_key): (&Path, &Path), tenant: &str, cn: &str) -> Agent {
        let mut issue = Command::new(DINRAIL);
        issue.args(["agent", "issue", "--tenant", tenant, "--cn", cn, "--ca"]).arg(ca).arg("--ca-key").arg(ca_key);
        output(issue.arg("--out").arg(folder));
        Agent {
            client_id: format!("{tenant}_{cn}"),
            certificate: folder.join(format!("{cn}.pem")),
            key: folder.join(format!("{cn}.key")),
        }
    }

    /// The tenant that the client id claims.
    pub fn tenant(&self) -> &str {
        self.client_id.split_once('_').unwrap().0
    }

    /// A topic that the agent publishes to.
    pub fn outbound(&self, tail: &str) -> String {
        format!("tc/{}/{}/o/{tail}", self.tenant(), self.client_id)
    }

    /// A topic that the agent subscribes to.
    pub fn inbound(&self, tail: &str) -> String {
        format!("tc/{}/{}/i/{tail}", self.tenant(), self.client_id)
    }

    /// `mosquitto_pub` or `mosquitto_sub` as this agent.
    pub fn mosquitto(&self, program: &str, port: u16, server_ca: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "localhost", "-p", &port.to_string(), "-i", &self.client_id, "-q", "1"]);
        command.arg("--cafile").arg(server_ca).arg("--cert").arg(&self.certificate).arg("--key").arg(&self.key);
        command
    }
}

/// One sample as agents send it.
pub fn sample(data_point: &str, timestamp: &str, value: &str) -> String {
    samples(&[(data_point, timestamp, value)])
}

/// Samples as agents send them, each with a time of its own.
pub fn samples(rows: &[(&str, &str, &str)]) -> String {
    let entry = |(data_point, timestamp, value): &(&str, &str, &str)| {
        serde_json::json!({
            "timestamp": timestamp,
            "values": [{"dataPointId": data_point, "value": value, "qualityCode": "0"}],
        })
    };
    serde_json::json!({"timeseries": rows.iter().map(entry).collect::<Vec<_>>()}).to_string()
}

/// A tenant with a CA of its own on a server, and an agent with a certificate of that CA; the CA's files.
pub fn own_tenant(serve: &Serve, folder: &Path, tenant: &str, cn: &str) -> (Agent, (PathBuf, PathBuf)) {
    let (ca, key) = make_ca(folder, &format!("{tenant}-ca"));
    output(&mut serve.cli(&["tenant", "create", tenant]));
    prove(&mut |arguments| serve.cli(arguments), tenant, &ca, &key);
    (Agent::issue(folder, (&ca, &key), tenant, cn), (ca, key))
}

/// Uploads a CA and proves it with its key.
pub fn prove(cli: &mut dyn FnMut(&[&str]) -> Command, tenant: &str, ca: &Path, key: &Path) -> String {
    let added = output(&mut cli(&["ca", "add", "--tenant", tenant, ca.to_str().unwrap(), "-o", "json"]));
    let added: serde_json::Value = serde_json::from_str(&added).unwrap();
    let id = added["id"].as_str().unwrap().to_owned();
    output(&mut cli(&["ca", "verify", "--tenant", tenant, &id, "--key", key.to_str().unwrap()]));
    id
}

/// A CA made by openssl: its certificate and key, with the name as CN.
pub fn make_ca(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (ca, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let subject = format!("/CN={name}");
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj", &subject];
    let files = ["-keyout", key.to_str().unwrap(), "-out", ca.to_str().unwrap()];
    openssl(&[&request[..], &files].concat());
    (ca, key)
}

/// Runs openssl.
pub fn openssl(arguments: &[&str]) {
    output(Command::new("openssl").args(arguments));
}
