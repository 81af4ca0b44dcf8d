//! An MQTT client that does exactly what a test tells it, over TLS, and shows every answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt::{
    Ack, Connect, Disconnect, Packet, Properties, Property, PropertyId, Publish, QoS, ReasonCode, RetainHandling,
    Sender, Subscribe, Subscription, SubscriptionOptions, TopicFilter, Value, Version,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Agent, PATIENCE};

/// Bytes of the largest packet that the client takes.
const PACKET_SIZE_MAX: usize = 1 << 20;

/// How to come in.
#[derive(Clone)]
pub struct Way<'a> {
    pub port: u16,
    pub server_ca: &'a Path,
    pub server_name: &'a str,
    pub certificate: Option<(&'a Path, &'a Path)>,
    pub alpn: Option<&'a str>,
}

impl<'a> Way<'a> {
    /// As an agent, with SNI `localhost`.
    pub fn new(port: u16, server_ca: &'a Path, agent: &'a Agent) -> Way<'a> {
        Way {
            port,
            server_ca,
            server_name: "localhost",
            certificate: Some((&agent.certificate, &agent.key)),
            alpn: None,
        }
    }

    /// Shakes hands.
    pub fn open(&self) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let config = self.config();
        let name = ServerName::try_from(self.server_name.to_owned()).unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        connection.complete_io(&mut socket)?;
        Ok(StreamOwned::new(connection, socket))
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.server_ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let verified = versions.with_root_certificates(roots);
        let mut config = match self.certificate {
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
                verified.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
            }
            None => verified.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

/// What a test wants to say in its CONNECT.
#[derive(Clone)]
pub struct Hello<'a> {
    pub version: Version,
    pub client_id: &'a str,
    pub clean_start: bool,
    pub session_expiry_s: Option<u32>,
    pub receive_maximum: Option<u16>,
    pub keep_alive: u16,
    pub will: Option<(&'a str, &'a [u8])>,
}

impl<'a> Hello<'a> {
    /// 3.1.1 with a clean session.
    pub fn v311(client_id: &'a str) -> Hello<'a> {
        Hello {
            version: Version::V311,
            client_id,
            clean_start: true,
            session_expiry_s: None,
            receive_maximum: None,
            keep_alive: 60,
            will: None,
        }
    }

    /// Version 5 with a clean start.
    pub fn v5(client_id: &'a str) -> Hello<'a> {
        Hello { version: Version::V5, ..Hello::v311(client_id) }
    }
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Connack {
        reason: ReasonCode,
        session_present: bool,
        words: Option<String>,
    },
    Publish {
        topic: String,
        payload: Vec<u8>,
        qos: u8,
        packet_id: Option<u16>,
        dup: bool,
    },
    Puback {
        packet_id: u16,
        reason: ReasonCode,
        words: Option<String>,
    },
    Pubrec {
        packet_id: u16,
        reason: ReasonCode,
    },
    Pubrel {
        packet_id: u16,
        reason: ReasonCode,
    },
    Pubcomp {
        packet_id: u16,
        reason: ReasonCode,
    },
    Suback {
        codes: Vec<ReasonCode>,
    },
    Unsuback {
        codes: Vec<ReasonCode>,
    },
    Pingresp,
    Disconnect {
        reason: ReasonCode,
        words: Option<String>,
    },
    /// The connection has ended.
    Closed,
}

/// A client.
pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    version: Version,
    input: Vec<u8>,
}

impl Client {
    /// Shakes hands and sends CONNECT; the answer is the caller's to read.
    pub fn start(way: &Way<'_>, hello: &Hello<'_>) -> io::Result<Client> {
        let mut client = Client { stream: way.open()?, version: hello.version, input: Vec::new() };
        client.say_hello(hello);
        Ok(client)
    }

    /// Connects an agent; onboards it first if that has to be.
    pub fn connect(way: &Way<'_>, hello: &Hello<'_>) -> Client {
        for _ in 0..2 {
            let mut client = Client::start(way, hello).unwrap();
            match client.receive() {
                Reply::Connack { reason: ReasonCode::Success, .. } => return client,
                Reply::Closed => {}
                other => panic!("CONNECT was answered with {other:?}"),
            }
        }
        panic!("the second connect was closed as well");
    }

    fn say_hello(&mut self, hello: &Hello<'_>) {
        let mut list: Vec<Property<'_>> = Vec::new();
        list.extend(
            hello.session_expiry_s.map(|expiry| (PropertyId::SessionExpiryInterval, Value::FourByteInteger(expiry))),
        );
        list.extend(hello.receive_maximum.map(|maximum| (PropertyId::ReceiveMaximum, Value::TwoByteInteger(maximum))));
        let will = hello.will.map(|(topic, payload)| mqtt::Will {
            topic,
            payload,
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::default(),
        });
        self.send(&Packet::Connect(Connect {
            version: hello.version,
            client_id: hello.client_id,
            clean_start: hello.clean_start,
            keep_alive: hello.keep_alive,
            username: None,
            password: None,
            will,
            properties: Properties::from(&list[..]),
        }));
    }

    /// Sends a packet; a peer that has gone away shows with the next `receive`.
    pub fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.send_bytes(&bytes);
    }

    /// Sends any bytes.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
        let _ = self.stream.flush();
    }

    /// Sends a PUBLISH; QoS 0 without a packet id.
    pub fn publish(&mut self, topic: &str, payload: &str, qos: u8, packet_id: Option<u16>) {
        self.send(&Packet::Publish(Publish {
            topic,
            payload: payload.as_bytes(),
            qos: QoS::try_from(qos).unwrap(),
            packet_id,
            dup: false,
            retain: false,
            properties: Properties::default(),
        }));
    }

    /// Publishes at QoS 1 and waits for the acknowledgement: its reason code and words.
    pub fn publish_acknowledged(&mut self, topic: &str, payload: &str, packet_id: u16) -> (ReasonCode, Option<String>) {
        self.publish(topic, payload, 1, Some(packet_id));
        match self.receive() {
            Reply::Puback { packet_id: acknowledged, reason, words } => {
                assert_eq!(acknowledged, packet_id);
                (reason, words)
            }
            other => panic!("PUBLISH was answered with {other:?}"),
        }
    }

    /// Subscribes to filters and gives the codes.
    pub fn subscribe(&mut self, filters: &[&str], qos: u8) -> Vec<ReasonCode> {
        let options = SubscriptionOptions {
            qos: QoS::try_from(qos).unwrap(),
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Send,
        };
        let filters =
            filters.iter().map(|text| Subscription { text, filter: TopicFilter::new(text), options }).collect();
        self.send(&Packet::Subscribe(Subscribe { packet_id: 1, filters, properties: Properties::default() }));
        match self.receive() {
            Reply::Suback { codes } => codes,
            other => panic!("SUBSCRIBE was answered with {other:?}"),
        }
    }

    /// Acknowledges a delivery at QoS 1.
    pub fn puback(&mut self, packet_id: u16) {
        self.send(&Packet::Puback(Ack::new(packet_id, ReasonCode::Success)));
    }

    /// Sends DISCONNECT and waits for the end.
    pub fn disconnect(mut self) {
        self.send(&Packet::Disconnect(Disconnect { reason: ReasonCode::Success, properties: Properties::default() }));
        assert_eq!(self.receive(), Reply::Closed);
    }

    /// Whether the server sends something, or closes, within a time.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.sock.set_read_timeout(Some(time)).unwrap();
        let started = Instant::now();
        let reply = self.try_receive();
        self.stream.sock.set_read_timeout(Some(PATIENCE)).unwrap();
        reply.is_none() && started.elapsed() >= time
    }

    /// Waits for the next packet, or the end.
    pub fn receive(&mut self) -> Reply {
        self.try_receive().unwrap_or_else(|| panic!("the server neither answers nor closes"))
    }

    /// None after the read timeout.
    fn try_receive(&mut self) -> Option<Reply> {
        loop {
            let mut rest = &self.input[..];
            if let Some(packet) = Packet::decode(self.version, Sender::Server, PACKET_SIZE_MAX, &mut rest).unwrap() {
                let reply = Reply::of(&packet);
                let taken = self.input.len() - rest.len();
                self.input.drain(..taken);
                return Some(reply);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Some(Reply::Closed),
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(cause) if matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return None;
                }
                Err(_) => return Some(Reply::Closed),
            }
        }
    }
}

impl Reply {
    fn of(packet: &Packet<'_>) -> Reply {
        let words = |properties: Properties<'_>| properties.text(PropertyId::ReasonString).map(str::to_owned);
        match packet {
            Packet::Connack(connack) => Reply::Connack {
                reason: connack.reason,
                session_present: connack.session_present,
                words: words(connack.properties),
            },
            Packet::Publish(publish) => Reply::Publish {
                topic: publish.topic.to_owned(),
                payload: publish.payload.to_vec(),
                qos: publish.qos as u8,
                packet_id: publish.packet_id,
                dup: publish.dup,
            },
            Packet::Puback(ack) => {
                Reply::Puback { packet_id: ack.packet_id, reason: ack.reason, words: words(ack.properties) }
            }
            Packet::Pubrec(ack) => Reply::Pubrec { packet_id: ack.packet_id, reason: ack.reason },
            Packet::Pubrel(ack) => Reply::Pubrel { packet_id: ack.packet_id, reason: ack.reason },
            Packet::Pubcomp(ack) => Reply::Pubcomp { packet_id: ack.packet_id, reason: ack.reason },
            Packet::Suback(suback) => Reply::Suback { codes: suback.codes.clone() },
            Packet::Unsuback(unsuback) => Reply::Unsuback { codes: unsuback.codes.clone() },
            Packet::Pingresp => Reply::Pingresp,
            Packet::Disconnect(disconnect) => {
                Reply::Disconnect { reason: disconnect.reason, words: words(disconnect.properties) }
            }
            other => panic!("a server does not send {other:?}"),
        }
    }
}
