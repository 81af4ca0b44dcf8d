//! One TLS port: accepts, shakes hands off the accept path, and says of every failure what it was.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::{Acceptor, ClientHello};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::hello::FirstBytes;
use super::hosts::{ALPN_MQTT, ALPN_MQTT_CA, Host, Hosts, NoHost, Protocol};
use super::socket::Socket;
use crate::blackbox::BlackBox;
use crate::clock;
use crate::http::new_id;
use crate::metrics::Metrics;

/// From accept to the end of the handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Which port it is: what a client gets that offers no ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// 8883: MQTT alone.
    Mqtts,
    /// 443: MQTT by ALPN, HTTP otherwise.
    Https,
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Boxed, for it is large and changes hands often.
    pub(crate) stream: Box<TlsStream<Socket>>,
    pub(crate) host: Arc<Host>,
    pub(crate) protocol: Protocol,
    pub(crate) port: Port,
    pub(crate) address: SocketAddr,
    /// Given back when the connection ends.
    pub(crate) place: OwnedSemaphorePermit,
}

/// What all ports share.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) black_box: BlackBox,
    /// Connections of any kind.
    pub(crate) places: Arc<Semaphore>,
    /// Handshakes whose hello is there. A peer that sends nothing holds none, so it delays nobody.
    pub(crate) handshakes: Arc<Semaphore>,
}

impl Door {
    /// Accepts until `stop`; `opened` takes each connection over.
    pub(crate) async fn listen(
        self,
        listener: TcpListener,
        port: Port,
        stop: CancellationToken,
        opened: impl Fn(Opened) + Clone + Send + 'static,
    ) {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(cause) => {
                    // Out of descriptors: the ones in use come back; trying at once would only spin.
                    warn!(%cause, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                self.metrics.handshake("refused", "too_many_connections");
                continue;
            };
            let (door, opened) = (self.clone(), opened.clone());
            tokio::spawn(async move {
                let work = door.open(stream, address, port, place);
                match tokio::time::timeout(HANDSHAKE_TIME, work).await {
                    Ok(Some(connection)) => opened(connection),
                    Ok(None) => {}
                    Err(_) => door.metrics.handshake("refused", "timeout"),
                }
            });
        }
    }

    async fn open(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        port: Port,
        place: OwnedSemaphorePermit,
    ) -> Option<Opened> {
        let socket = Socket::new(stream).ok()?;
        let start = {
            let mut hello = Box::pin(LazyConfigAcceptor::new(Acceptor::default(), socket));
            match hello.as_mut().await {
                Ok(start) => start,
                Err(cause) => {
                    let first =
                        hello.take_io().map(|socket| FirstBytes::of(socket.teed())).unwrap_or(FirstBytes::Silence);
                    self.refuse_hello(address, &first, &cause);
                    return None;
                }
            }
        };
        let seen = Seen::of(&start.client_hello(), address);
        let first = FirstBytes::of(start.io.teed());
        let (host, protocol) = match self.choose(&seen, port) {
            Ok(chosen) => chosen,
            Err(refusal) => {
                self.refuse(&seen, &first, refusal.code(), &refusal.hint(&seen));
                // With no certificate to show, rustls ends the handshake with an alert.
                let _ = start.into_stream(self.hosts.nobody()).await;
                return None;
            }
        };
        let handshake = self.handshakes.clone().acquire_owned().await.ok()?;
        let shaken = start.into_stream(host.config(protocol)).await;
        drop(handshake);
        match shaken {
            Ok(mut stream) => {
                stream.get_mut().0.forget();
                self.metrics.handshake("ok", "");
                Some(Opened { stream: Box::new(stream), host, protocol, port, address, place })
            }
            Err(cause) => {
                self.refuse(&seen, &first, "handshake", &handshake_hint(&cause, &first));
                None
            }
        }
    }

    /// Host by SNI, protocol by port and ALPN.
    fn choose(&self, seen: &Seen, port: Port) -> Result<(Arc<Host>, Protocol), NoHost> {
        let offers = |name: &[u8]| seen.alpn.iter().any(|offered| offered.as_bytes() == name);
        let protocol = match port {
            Port::Https if offers(ALPN_MQTT_CA) || offers(ALPN_MQTT) => Protocol::Mqtt,
            Port::Https => Protocol::Http,
            // What else the client may offer alone, rustls refuses with no_application_protocol.
            Port::Mqtts => Protocol::Mqtt,
        };
        Ok((self.hosts.find(seen.sni.as_deref(), protocol)?, protocol))
    }

    fn refuse_hello(&self, address: SocketAddr, first: &FirstBytes, cause: &io::Error) {
        let seen = Seen::nothing(address);
        let hint = match first {
            FirstBytes::Tls(_) => handshake_hint(cause, first),
            other => other.hint().to_owned(),
        };
        let code = if matches!(first, FirstBytes::Tls(_)) { "hello" } else { first.reason() };
        self.refuse(&seen, first, code, &hint);
    }

    /// Counts, logs and keeps a refusal. A peer that said nothing is only counted.
    fn refuse(&self, seen: &Seen, first: &FirstBytes, code: &str, hint: &str) {
        self.metrics.handshake("refused", code);
        if *first == FirstBytes::Silence {
            return;
        }
        let tracking_id = format!("{:032x}", new_id());
        info!(event = "tls.reject", address = %seen.address, sni = seen.sni, code, hint, trace_id = tracking_id, "refused");
        self.black_box.record(store::Refusal {
            at_us: clock::now_us(),
            tenant: None,
            stage: "tls".to_owned(),
            address: seen.address.to_string(),
            sni: seen.sni.clone(),
            alpn: (!seen.alpn.is_empty()).then(|| seen.alpn.join(",")),
            tls_version: if let FirstBytes::Tls(version) = first { version.clone() } else { None },
            code: code.to_owned(),
            hint: hint.to_owned(),
            tracking_id,
            ..store::Refusal::default()
        });
    }
}

/// What a ClientHello said.
struct Seen {
    address: SocketAddr,
    sni: Option<String>,
    alpn: Vec<String>,
}

impl Seen {
    fn of(hello: &ClientHello<'_>, address: SocketAddr) -> Seen {
        let alpn = hello.alpn().into_iter().flatten().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Seen { address, sni: hello.server_name().map(str::to_owned), alpn }
    }

    fn nothing(address: SocketAddr) -> Seen {
        Seen { address, sni: None, alpn: Vec::new() }
    }
}

impl NoHost {
    fn code(self) -> &'static str {
        match self {
            NoHost::Unknown => "unknown_host",
            NoHost::SniMissing => "sni_missing",
            NoHost::Role(_) => "wrong_role",
        }
    }

    fn hint(self, seen: &Seen) -> String {
        let sni = seen.sni.as_deref().unwrap_or_default();
        match self {
            NoHost::Unknown => format!("no host is called {sni:?}; connect to one of the configured [[host]] names"),
            NoHost::SniMissing => {
                "the client sent no server name (SNI): connect by name, not by address, or set without_sni on a host"
                    .to_owned()
            }
            NoHost::Role(protocol) => {
                format!("the host {sni:?} does not serve {protocol:?}; add the role to its [[host]]")
            }
        }
    }
}

fn handshake_hint(cause: &io::Error, first: &FirstBytes) -> String {
    match first {
        FirstBytes::Tls(Some(version)) if version.as_str() < "1.2" => {
            format!("the client offers TLS {version} at best; 1.2 and 1.3 are served (RFC 8996 retired the older ones)")
        }
        _ => format!(
            "the handshake failed: {cause}; if the client speaks of an unknown CA, give it the server's CA file"
        ),
    }
}
