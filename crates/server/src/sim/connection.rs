//! How an agent comes in: TCP, TLS, CONNECT, CONNACK.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mqtt::{Connack, Connect, Packet, Properties, Property, PropertyId, QoS, ReasonCode, Sender, Value, Version};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::fault::{Failed, Fault};
use super::wire::{PACKET_SIZE_MAX, Stream, Wire};

/// How long an agent waits for its CONNACK, from the begin of the TCP connection.
const CONNECT_TIME: Duration = Duration::from_secs(20);

/// Keep Alive of every agent, seconds.
pub(super) const KEEP_ALIVE_S: u16 = 60;

/// Seconds that a persistent session of version 5 outlives its connection.
const SESSION_EXPIRY_S: u32 = 3_600;

/// Connections that are being made at once. A server that is slow is not made slower by more of them.
const CONNECTING_MAX: usize = 256;

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// What its name resolves to; the first that answers is taken.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The name that TLS asks for and verifies.
    pub(crate) name: ServerName<'static>,
}

/// What every agent of a fleet does alike.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    pub(crate) version: Version,
    pub(crate) qos: QoS,
    /// Messages under way at QoS 1 and 2.
    pub(crate) window: u16,
    /// Between two messages of an agent; none is as fast as the window allows.
    pub(crate) period: Option<Duration>,
    /// Begin without the session of the connection before.
    pub(crate) clean: bool,
}

/// A connection with a CONNACK.
pub(super) struct Opened {
    pub(super) wire: Wire,
    /// Receive Maximum of the server.
    pub(super) receive_maximum: u16,
}

/// Lets agents connect at a rate, and not too many at once.
#[derive(Debug)]
pub(crate) struct Gate {
    spacing: Duration,
    next: Mutex<Instant>,
    places: Semaphore,
}

impl Gate {
    /// At most `rate` connections a second; 0 is no limit.
    pub(crate) fn new(rate: f64) -> Gate {
        let spacing = if rate > 0.0 { Duration::from_secs_f64(1.0 / rate) } else { Duration::ZERO };
        Gate { spacing, next: Mutex::new(Instant::now()), places: Semaphore::new(CONNECTING_MAX) }
    }

    /// Waits for the agent's turn. The place is held until the connection is made.
    pub(super) async fn enter(&self) -> SemaphorePermit<'_> {
        // The semaphore is never closed.
        let place = self.places.acquire().await.expect("the gate is never closed");
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.spacing;
            turn
        };
        tokio::time::sleep_until(turn).await;
        place
    }
}

/// Comes in; a server that closes without a CONNACK is [`Fault::ClosedBeforeConnack`].
pub(super) async fn open(
    endpoint: &Endpoint,
    tls: Option<&Arc<ClientConfig>>,
    behaviour: &Behaviour,
    client_id: &str,
) -> Result<Opened, Failed> {
    let opening = async {
        let mut wire = Wire::new(stream(endpoint, tls).await?);
        connect(behaviour, client_id, &mut wire.output)?;
        connack(wire, behaviour.version).await
    };
    let opened = tokio::time::timeout(CONNECT_TIME, opening).await;
    opened.unwrap_or_else(|_| Err(Failed::new(Fault::ConnectTimeout, &format!("no CONNACK within {CONNECT_TIME:?}"))))
}

async fn stream(endpoint: &Endpoint, tls: Option<&Arc<ClientConfig>>) -> Result<Box<dyn Stream>, Failed> {
    let tcp = TcpStream::connect(&endpoint.addresses[..]).await.map_err(|cause| Failed::new(Fault::Tcp, &cause))?;
    tcp.set_nodelay(true).map_err(|cause| Failed::new(Fault::Tcp, &cause))?;
    let Some(tls) = tls else { return Ok(Box::new(tcp)) };
    let stream = TlsConnector::from(tls.clone()).connect(endpoint.name.clone(), tcp).await;
    Ok(Box::new(stream.map_err(|cause| Failed::new(Fault::Tls, &cause))?))
}

fn connect(behaviour: &Behaviour, client_id: &str, output: &mut Vec<u8>) -> Result<(), Failed> {
    let expiry: [Property<'_>; 1] = [(PropertyId::SessionExpiryInterval, Value::FourByteInteger(SESSION_EXPIRY_S))];
    let properties = if behaviour.clean { Properties::default() } else { Properties::from(&expiry[..]) };
    let connect = Connect {
        version: behaviour.version,
        client_id,
        clean_start: behaviour.clean,
        keep_alive: KEEP_ALIVE_S,
        username: None,
        password: None,
        will: None,
        properties,
    };
    Ok(Packet::Connect(connect).encode(behaviour.version, output)?)
}

async fn connack(mut wire: Wire, version: Version) -> Result<Opened, Failed> {
    wire.flush().await.map_err(|cause| Failed::lost(&cause))?;
    loop {
        let (mut rest, _) = wire.parts();
        match Packet::decode(version, Sender::Server, PACKET_SIZE_MAX, &mut rest)? {
            Some(Packet::Connack(connack)) => {
                let receive_maximum = accepted(&connack)?;
                let left = rest.len();
                wire.keep(left);
                return Ok(Opened { wire, receive_maximum });
            }
            Some(other) => {
                let cause = format!("CONNECT was answered with {:?}", other.packet_type());
                return Err(Failed::new(Fault::Protocol, &cause));
            }
            None => {}
        }
        if wire.read().await.map_err(|cause| closed(&cause))? == 0 {
            return Err(Failed::new(Fault::ClosedBeforeConnack, "the server closed the connection without a CONNACK"));
        }
    }
}

/// A server that closes may do so without the farewell of TLS, or with bytes of ours unread.
fn closed(cause: &std::io::Error) -> Failed {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match cause.kind() {
        UnexpectedEof | ConnectionReset | BrokenPipe => Failed::new(Fault::ClosedBeforeConnack, cause),
        _ => Failed::lost(cause),
    }
}

/// Receive Maximum of a server that accepts.
fn accepted(connack: &Connack<'_>) -> Result<u16, Failed> {
    if connack.reason != ReasonCode::Success {
        let words = connack.properties.text(PropertyId::ReasonString).unwrap_or("CONNACK refuses");
        return Err(Failed::new(Fault::Connack(connack.reason), words));
    }
    let receive_maximum = connack.properties.number(PropertyId::ReceiveMaximum);
    Ok(receive_maximum.and_then(|maximum| maximum.try_into().ok()).unwrap_or(u16::MAX))
}
