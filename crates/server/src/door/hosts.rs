//! Virtual hosts: what is served under a name, with which certificate. The name is the client's SNI.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::possession::Possession;

/// ALPN names: MQTT on the HTTPS port as AWS IoT spells it, its registered name, and HTTP.
pub(crate) const ALPN_MQTT_CA: &[u8] = b"x-amzn-mqtt-ca";
pub(crate) const ALPN_MQTT: &[u8] = b"mqtt";
const ALPN_HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a name is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// The MindConnect MQTT broker.
    Eu1,
    /// The API.
    Api,
}

/// The application protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// MQTT.
    Mqtt,
    /// HTTP 1.1 or 2.
    Http,
}

/// One name.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    /// MQTT clients that send no server name are served here.
    without_sni: bool,
    certificate: Arc<Current>,
    mqtt: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

/// All names.
#[derive(Debug)]
pub(crate) struct Hosts {
    by_name: BTreeMap<String, Arc<Host>>,
    nobody: Arc<ServerConfig>,
}

impl Host {
    /// A host with its first certificate.
    pub(crate) fn new(name: &str, roles: Vec<Role>, without_sni: bool, certificate: Arc<CertifiedKey>) -> Host {
        let certificate = Arc::new(Current(ArcSwap::new(certificate)));
        let http_alpn = ALPN_HTTP.map(<[u8]>::to_vec).to_vec();
        Host {
            name: name.to_owned(),
            roles,
            without_sni,
            mqtt: Arc::new(config(certificate.clone(), true, vec![ALPN_MQTT_CA.to_vec(), ALPN_MQTT.to_vec()])),
            http: Arc::new(config(certificate.clone(), false, http_alpn)),
            certificate,
        }
    }

    /// New connections get this certificate; the old ones stay up.
    pub(crate) fn set_certificate(&self, certificate: Arc<CertifiedKey>) {
        self.certificate.0.store(certificate);
    }

    /// The TLS configuration for a protocol.
    pub(crate) fn config(&self, protocol: Protocol) -> Arc<ServerConfig> {
        match protocol {
            Protocol::Mqtt => self.mqtt.clone(),
            Protocol::Http => self.http.clone(),
        }
    }

    fn serves(&self, protocol: Protocol) -> bool {
        let wanted = match protocol {
            Protocol::Mqtt => Role::Eu1,
            Protocol::Http => Role::Api,
        };
        self.roles.contains(&wanted)
    }
}

impl Hosts {
    /// Hosts by their names.
    pub(crate) fn new(hosts: Vec<Arc<Host>>) -> Hosts {
        let by_name: BTreeMap<_, _> = hosts.into_iter().map(|host| (host.name.clone(), host)).collect();
        Hosts { by_name, nobody: Arc::new(config(Arc::new(Nobody), false, Vec::new())) }
    }

    /// The host of a ClientHello; names compare without case (RFC 6066). Without a name, HTTP is served by the first
    /// host that does so (clients that connect to an address send none), MQTT only where a setting says so.
    pub(crate) fn find(&self, sni: Option<&str>, protocol: Protocol) -> Result<Arc<Host>, NoHost> {
        let found = match sni {
            Some(name) => self.by_name.get(&name.to_ascii_lowercase()).ok_or(NoHost::Unknown)?,
            None => {
                let mut serving = self.by_name.values().filter(|host| host.serves(protocol));
                serving.find(|host| protocol == Protocol::Http || host.without_sni).ok_or(NoHost::SniMissing)?
            }
        };
        if found.serves(protocol) { Ok(found.clone()) } else { Err(NoHost::Role(protocol)) }
    }

    /// A configuration without a certificate: it refuses a client in TLS's own words.
    pub(crate) fn nobody(&self) -> Arc<ServerConfig> {
        self.nobody.clone()
    }
}

/// Why there is no host for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHost {
    /// The name is none of ours.
    Unknown,
    /// The client sent no name, and no host is meant for that.
    SniMissing,
    /// The host does not serve this protocol.
    Role(Protocol),
}

/// The certificate in force.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

#[derive(Debug)]
struct Nobody;

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

fn config(certificate: Arc<dyn ResolvesServerCert>, asks_for_certificate: bool, alpn: Vec<Vec<u8>>) -> ServerConfig {
    let provider = provider();
    let versions = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions");
    let verifier = if asks_for_certificate {
        versions.with_client_cert_verifier(Arc::new(Possession))
    } else {
        versions.with_no_client_auth()
    };
    let mut config = verifier.with_cert_resolver(certificate);
    config.alpn_protocols = alpn;
    // A resumed session is not shown to the verifier, so there is none: no tickets, no session cache.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

/// The cryptography that all of TLS here uses.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
