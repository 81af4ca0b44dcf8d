//! The configuration of `dinrail serve`: one TOML file, read once into what the server runs on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::door::{Files, Role};
use crate::engine;

/// What the file says. Unknown keys are refused, with the known ones listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    data: RawData,
    #[serde(default)]
    listen: RawListen,
    #[serde(default)]
    host: Vec<RawHost>,
    #[serde(default)]
    eu1: RawEu1,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawData {
    /// Folder of log, database and keys.
    folder: PathBuf,
    /// Seconds between checkpoints.
    #[serde(default = "checkpoint_seconds")]
    checkpoint_seconds: u64,
    /// Hours that the raw log is kept after it is in a checkpoint.
    #[serde(default = "raw_retention_hours")]
    raw_retention_hours: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawListen {
    mqtts: SocketAddr,
    https: SocketAddr,
    /// Unix socket of the command line; by default `dinrail.sock` in the data folder.
    socket: Option<PathBuf>,
    /// Threads that serve connections.
    network_threads: usize,
}

impl Default for RawListen {
    fn default() -> RawListen {
        RawListen {
            mqtts: SocketAddr::from(([0, 0, 0, 0], 8883)),
            https: SocketAddr::from(([0, 0, 0, 0], 443)),
            socket: None,
            network_threads: 1,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHost {
    /// DNS name, as clients send it in SNI.
    name: String,
    /// `eu1` (MQTT), `api` (HTTPS).
    roles: Vec<Role>,
    /// PEM chain; without it dinrail makes one under its own server CA.
    certificate: Option<PathBuf>,
    /// PEM key.
    key: Option<PathBuf>,
    /// Serve clients that send no SNI.
    #[serde(default)]
    without_sni: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawEu1 {
    /// `disconnect` as the original does, or `accept`.
    first_connect: FirstConnect,
    /// What a 3.1.1 client's publish to a forbidden topic does: `disconnect`, or `ignore` and report.
    forbidden_publish: ForbiddenPublish,
    /// Bytes of a PUBLISH payload.
    payload_max: usize,
    /// Seconds from accept to a whole CONNECT.
    connect_seconds: u64,
}

impl Default for RawEu1 {
    fn default() -> RawEu1 {
        RawEu1 {
            first_connect: FirstConnect::Disconnect,
            forbidden_publish: ForbiddenPublish::Disconnect,
            payload_max: 128 << 10,
            connect_seconds: 10,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    agents_per_tenant: usize,
    data_points_per_agent: usize,
    authorities_per_tenant: usize,
    queued_per_session: usize,
    connections: usize,
    handshakes: usize,
}

impl Default for RawLimits {
    fn default() -> RawLimits {
        let tenant = tenant::Limits::default();
        RawLimits {
            agents_per_tenant: tenant.agents_max,
            data_points_per_agent: tenant.data_points_per_agent_max,
            authorities_per_tenant: tenant.authorities_max,
            queued_per_session: tenant.broker.queued_per_session_max,
            connections: 100_000,
            handshakes: 512,
        }
    }
}

/// What happens after the CONNECT that makes an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FirstConnect {
    /// The connection is closed without CONNACK; the next one is accepted.
    Disconnect,
    /// It stays up.
    Accept,
}

/// What a publish to a forbidden topic does where the protocol has no answer for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ForbiddenPublish {
    /// Close the connection.
    Disconnect,
    /// Acknowledge, ignore and report.
    Ignore,
}

/// What the server runs on.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) folder: PathBuf,
    pub(crate) listen: Listen,
    pub(crate) hosts: Vec<HostConfig>,
    pub(crate) mqtt: MqttConfig,
    pub(crate) engine: engine::Settings,
    pub(crate) network_threads: usize,
}

/// Addresses.
#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) mqtts: SocketAddr,
    pub(crate) https: SocketAddr,
    /// Plain HTTP, on loopback, in `dinrail dev` only.
    pub(crate) http: Option<SocketAddr>,
    pub(crate) socket: PathBuf,
}

/// One virtual host.
#[derive(Debug)]
pub(crate) struct HostConfig {
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    /// None: dinrail makes them.
    pub(crate) files: Option<Files>,
    pub(crate) without_sni: bool,
}

/// Rules of the MQTT hosts.
#[derive(Clone, Debug)]
pub(crate) struct MqttConfig {
    pub(crate) first_connect: FirstConnect,
    pub(crate) forbidden_publish: ForbiddenPublish,
    pub(crate) payload_max: usize,
    pub(crate) connect_time: Duration,
    pub(crate) connections_max: usize,
    pub(crate) handshakes_max: usize,
}

impl Config {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Read(path.to_owned(), cause))?;
        let syntax = |cause: toml::de::Error| ConfigError::Syntax(path.to_owned(), cause.to_string());
        let mut table: toml::Table = toml::from_str(&text).map_err(syntax)?;
        let is_changed = environment(&mut table, std::env::vars());
        // Straight from the text where that will do, so that a fault is shown with its line.
        let raw: RawConfig = if is_changed { table.try_into() } else { toml::from_str(&text) }.map_err(syntax)?;
        raw.try_into()
    }

    /// What `dinrail dev` runs on: one name for everything, loopback only.
    pub(crate) fn dev(folder: &Path, ports: [u16; 3]) -> Config {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let [mqtts, https, http] = ports;
        let host =
            HostConfig { name: "localhost".into(), roles: vec![Role::Eu1, Role::Api], files: None, without_sni: false };
        Config {
            folder: folder.to_owned(),
            listen: Listen {
                mqtts: local(mqtts),
                https: local(https),
                http: Some(local(http)),
                socket: folder.join("dinrail.sock"),
            },
            hosts: vec![host],
            mqtt: mqtt_config(&RawEu1::default(), &RawLimits::default()),
            engine: engine::Settings::default(),
            network_threads: 1,
        }
    }
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Config, ConfigError> {
        let mut hosts = Vec::new();
        for host in raw.host {
            hosts.push(HostConfig::try_from(host)?);
        }
        if !hosts.iter().any(|host| host.roles.contains(&Role::Eu1)) {
            return Err(ConfigError::NoMqttHost);
        }
        let limits = tenant::Limits {
            agents_max: raw.limits.agents_per_tenant,
            data_points_per_agent_max: raw.limits.data_points_per_agent,
            authorities_max: raw.limits.authorities_per_tenant,
            broker: broker::Limits {
                queued_per_session_max: raw.limits.queued_per_session,
                ..broker::Limits::default()
            },
        };
        Ok(Config {
            listen: Listen {
                mqtts: raw.listen.mqtts,
                https: raw.listen.https,
                http: None,
                socket: raw.listen.socket.unwrap_or_else(|| raw.data.folder.join("dinrail.sock")),
            },
            mqtt: mqtt_config(&raw.eu1, &raw.limits),
            engine: engine::Settings {
                limits,
                checkpoint_every: Duration::from_secs(raw.data.checkpoint_seconds.max(1)),
                raw_retention: Duration::from_secs(raw.data.raw_retention_hours * 3600),
                ..engine::Settings::default()
            },
            folder: raw.data.folder,
            hosts,
            network_threads: raw.listen.network_threads.max(1),
        })
    }
}

impl TryFrom<RawHost> for HostConfig {
    type Error = ConfigError;

    fn try_from(raw: RawHost) -> Result<HostConfig, ConfigError> {
        let name = raw.name.to_ascii_lowercase();
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !is_name || name.starts_with('.') {
            return Err(ConfigError::HostName(raw.name));
        }
        let files = match (raw.certificate, raw.key) {
            (Some(certificate), Some(key)) => Some(Files { certificate, key }),
            (None, None) => None,
            _ => return Err(ConfigError::HalfCertificate(name)),
        };
        Ok(HostConfig { name, roles: raw.roles, files, without_sni: raw.without_sni })
    }
}

/// Puts variables named `DINRAIL_SECTION__KEY` in the place of the file's keys; whether there were any.
fn environment(table: &mut toml::Table, variables: impl Iterator<Item = (String, String)>) -> bool {
    let mut is_changed = false;
    for (name, text) in variables {
        let Some((section, key)) = name.strip_prefix("DINRAIL_").and_then(|name| name.split_once("__")) else {
            continue;
        };
        // What is no number or boolean is a text.
        let value = match text.parse::<toml::Value>() {
            Ok(value @ (toml::Value::Integer(_) | toml::Value::Boolean(_))) => value,
            _ => toml::Value::String(text),
        };
        let section = table.entry(section.to_ascii_lowercase()).or_insert_with(|| toml::Table::new().into());
        if let Some(section) = section.as_table_mut() {
            section.insert(key.to_ascii_lowercase(), value);
            is_changed = true;
        }
    }
    is_changed
}

fn mqtt_config(eu1: &RawEu1, limits: &RawLimits) -> MqttConfig {
    MqttConfig {
        first_connect: eu1.first_connect,
        forbidden_publish: eu1.forbidden_publish,
        payload_max: eu1.payload_max,
        connect_time: Duration::from_secs(eu1.connect_seconds),
        connections_max: limits.connections,
        handshakes_max: limits.handshakes,
    }
}

fn checkpoint_seconds() -> u64 {
    30
}

fn raw_retention_hours() -> u64 {
    7 * 24
}

/// Why a configuration cannot be used; each says what to change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Read(PathBuf, std::io::Error),
    /// The file's content.
    #[error("{0}: {1}")]
    Syntax(PathBuf, String),
    /// No host serves MQTT.
    #[error(
        "no [[host]] has the role \"eu1\"; give the name that agents connect to: [[host]] name = \"mqtt.example.com\" roles = [\"eu1\"]"
    )]
    NoMqttHost,
    /// Not a DNS name.
    #[error("[[host]] name {0:?} is not a DNS name")]
    HostName(String),
    /// One of the two files is missing.
    #[error("[[host]] {0:?} has only one of `certificate` and `key`; give both, or neither to let dinrail make them")]
    HalfCertificate(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let raw: RawConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        Config::try_from(raw).map_err(|error| error.to_string())
    }

    const HOST: &str = "[[host]]\nname = \"Mqtt.Example\"\nroles = [\"eu1\"]\n";

    #[test]
    fn a_folder_and_a_host_are_enough() {
        let config = parse(&format!("[data]\nfolder = \"/srv/x\"\n{HOST}")).unwrap();
        assert_eq!(config.listen.mqtts.port(), 8883);
        assert_eq!(config.listen.http, None, "no plain listener unless asked for");
        assert_eq!(config.hosts[0].name, "mqtt.example");
        assert_eq!(config.listen.socket, Path::new("/srv/x/dinrail.sock"));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_lists_the_known_ones() {
        let error = parse(&format!("[data]\nfolder = \"x\"\ncheckpoint_second = 3\n{HOST}")).unwrap_err();
        assert!(error.contains("checkpoint_seconds"), "{error}");
    }

    #[test]
    fn a_key_without_its_certificate_is_refused() {
        let error = parse(&format!("[data]\nfolder = \"x\"\n{HOST}key = \"k.pem\"\n")).unwrap_err();
        assert!(error.contains("both"), "{error}");
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let mut table: toml::Table = toml::from_str("[data]\nfolder = \"x\"\ncheckpoint_seconds = 3\n").unwrap();
        let variables =
            [("DINRAIL_DATA__CHECKPOINT_SECONDS", "7"), ("DINRAIL_LISTEN__MQTTS", "127.0.0.1:1"), ("HOME", "/")];
        environment(&mut table, variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter());
        assert_eq!(table["data"]["checkpoint_seconds"].as_integer(), Some(7));
        assert_eq!(table["listen"]["mqtts"].as_str(), Some("127.0.0.1:1"));
        assert!(!table.contains_key("home"));
    }

    #[test]
    fn a_server_that_no_agent_can_reach_is_refused() {
        let error = parse("[data]\nfolder = \"x\"\n").unwrap_err();
        assert!(error.contains("[[host]]"), "{error}");
    }
}
