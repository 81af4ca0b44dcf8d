//! The built-in fleet: agents that connect to dev's own port like any other, over TLS and with a certificate.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mqtt::{Connect, Disconnect, Packet, Publish, QoS, ReasonCode, Sender, Version};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::agents::IssuedAgent;
use crate::cli::Failure;
use crate::server::Server;
use crate::{clock, door};

/// How often each agent publishes.
const PERIOD: Duration = Duration::from_secs(1);

/// How long an agent waits for an answer, and before it connects again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keep Alive of the agents, seconds.
const KEEP_ALIVE_S: u16 = 30;

/// Bytes of the largest packet that the agents take.
const PACKET_SIZE_MAX: usize = 1 << 20;

/// Connects an agent until it is onboarded, and disconnects it.
pub(super) async fn onboard(server: &Server, agent: &IssuedAgent) -> Result<(), Failure> {
    let mut client = Client::connect(server.addresses.mqtts, &server.server_ca, agent).await.map_err(failure(agent))?;
    client.disconnect().await.map_err(failure(agent))
}

/// Lets an agent publish once a period, until `stop`. It connects again whenever its connection ends.
pub(super) async fn run(address: SocketAddr, server_ca: PathBuf, agent: IssuedAgent, stop: CancellationToken) {
    loop {
        match stop.run_until_cancelled(publish(address, &server_ca, &agent)).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(cause)) => warn!(agent = agent.client_id, %cause, "an agent of the fleet connects again"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(PATIENCE)).await.is_none() {
            return;
        }
    }
}

async fn publish(address: SocketAddr, server_ca: &Path, agent: &IssuedAgent) -> io::Result<()> {
    let mut client = Client::connect(address, server_ca, agent).await?;
    let mut period = tokio::time::interval(PERIOD);
    let topic = format!("tc/{}/{}/o/mc_v3/ts", super::TENANT, agent.client_id);
    for packet_id in (1..=u16::MAX).cycle() {
        period.tick().await;
        client.publish(&topic, &message(clock::now_us()), packet_id).await?;
    }
    Ok(())
}

/// A machine that warms up and cools down within a minute, and a counter of its strokes.
fn message(now_us: i64) -> String {
    let minute = (now_us / 1_000_000 % 60) as f64 / 60.0;
    let temperature = 60.0 + 15.0 * (minute * std::f64::consts::TAU).sin();
    let value = |name: &str, value: String| json!({"dataPointId": name, "value": value, "qualityCode": "0"});
    let values = [
        value("temperature", format!("{temperature:.2}")),
        value("strokes", (now_us / 1_000_000).to_string()),
        value("state", if minute < 0.9 { "RUN" } else { "IDLE" }.to_owned()),
    ];
    json!({"timeseries": [{"timestamp": ingest::format_time(now_us), "values": values}]}).to_string()
}

/// An MQTT client that does what the fleet needs and no more.
struct Client {
    stream: TlsStream<TcpStream>,
    input: Vec<u8>,
}

impl Client {
    /// Connects; the first connect of an agent is closed, so a second one follows.
    async fn connect(address: SocketAddr, server_ca: &Path, agent: &IssuedAgent) -> io::Result<Client> {
        let config = Arc::new(tls(server_ca, agent).map_err(io::Error::other)?);
        match Client::open(address, config.clone(), &agent.client_id).await {
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                Client::open(address, config, &agent.client_id).await
            }
            result => result,
        }
    }

    async fn open(address: SocketAddr, config: Arc<ClientConfig>, client_id: &str) -> io::Result<Client> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, TcpStream::connect(address).await?).await?;
        let mut client = Client { stream, input: Vec::new() };
        let connect = Connect {
            version: Version::V311,
            client_id,
            clean_start: true,
            keep_alive: KEEP_ALIVE_S,
            username: None,
            password: None,
            will: None,
            properties: mqtt::Properties::default(),
        };
        client.send(&Packet::Connect(connect)).await?;
        client
            .expect(|packet| matches!(packet, Packet::Connack(connack) if connack.reason == ReasonCode::Success))
            .await?;
        Ok(client)
    }

    /// Publishes at QoS 1 and waits for the acknowledgement.
    async fn publish(&mut self, topic: &str, payload: &str, packet_id: u16) -> io::Result<()> {
        let publish = Publish {
            topic,
            payload: payload.as_bytes(),
            qos: QoS::AtLeastOnce,
            packet_id: Some(packet_id),
            dup: false,
            retain: false,
            properties: mqtt::Properties::default(),
        };
        self.send(&Packet::Publish(publish)).await?;
        self.expect(|packet| matches!(packet, Packet::Puback(ack) if ack.packet_id == packet_id)).await
    }

    async fn disconnect(&mut self) -> io::Result<()> {
        let disconnect = Disconnect { reason: ReasonCode::Success, properties: mqtt::Properties::default() };
        self.send(&Packet::Disconnect(disconnect)).await?;
        self.stream.shutdown().await
    }

    async fn send(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let mut bytes = Vec::new();
        packet.encode(Version::V311, &mut bytes).map_err(io::Error::other)?;
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await
    }

    /// Waits for one packet, which has to be the expected one: the fleet subscribes to nothing.
    async fn expect(&mut self, is_expected: impl Fn(&Packet<'_>) -> bool) -> io::Result<()> {
        loop {
            let mut rest = &self.input[..];
            let packet =
                Packet::decode(Version::V311, Sender::Server, PACKET_SIZE_MAX, &mut rest).map_err(io::Error::other)?;
            if let Some(packet) = packet {
                if !is_expected(&packet) {
                    return Err(io::Error::other(format!("the server answered with {:?}", packet.packet_type())));
                }
                let taken = self.input.len() - rest.len();
                self.input.drain(..taken);
                return Ok(());
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await;
            if read.map_err(|_| io::ErrorKind::TimedOut)?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn tls(server_ca: &Path, agent: &IssuedAgent) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server_ca)?)?;
    let chain = CertificateDer::pem_file_iter(&agent.certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&agent.key)?;
    let versions = ClientConfig::builder_with_provider(door::provider()).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_client_auth_cert(chain, key)?)
}

fn failure(agent: &IssuedAgent) -> impl Fn(io::Error) -> Failure {
    move |cause| Failure::Usage(format!("the agent {} cannot connect to its own server: {cause}", agent.client_id))
}
