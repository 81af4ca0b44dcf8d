//! One running server: the engine, the front door and the API, and the threads they run on.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::blackbox::BlackBox;
use crate::certificates::Certificates;
use crate::config::Config;
use crate::connection::Context;
use crate::door::{self, Door, Hosts, Opened, PkiError, Port, Protocol};
use crate::engine::{Engine, OpenError};
use crate::housekeeping;
use crate::http::{self, Api, Origin};
use crate::metrics::Metrics;
use crate::network::Network;

/// How long connections have to hear that the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Threads for handshakes and the API: two, so that neither waits for the other.
const CONTROL_THREADS: usize = 2;

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) engine: Arc<Engine>,
    pub(crate) addresses: Addresses,
    /// PEM file with the root that clients need, where dinrail made one.
    pub(crate) server_ca: PathBuf,
    control: Runtime,
    network: Arc<Network>,
    stop: CancellationToken,
}

/// Where it listens, with the ports that the system gave.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) mqtts: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) socket: PathBuf,
}

impl Server {
    /// Opens the data and listens.
    ///
    /// # Errors
    /// Each says what to change: data that cannot be opened, certificates that cannot be used, a port in use.
    pub(crate) fn start(config: &Config) -> Result<Server, StartError> {
        let started = std::time::Instant::now();
        private_folder(&config.folder)?;
        let metrics = Arc::new(Metrics::default());
        let engine = Arc::new(Engine::open(&config.folder, config.engine.clone(), metrics.clone())?);
        let black_box = BlackBox::start(engine.store().clone());
        let stop = CancellationToken::new();
        let context = Arc::new(Context {
            engine: engine.clone(),
            metrics: metrics.clone(),
            black_box: black_box.clone(),
            config: Arc::new(config.mqtt.clone()),
            ingest: ingest::Limits::default(),
            traces: Arc::default(),
        });
        let network =
            Network::start(config.network_threads, context.clone(), stop.clone()).map_err(StartError::Threads)?;
        let threads =
            Builder::new_multi_thread().worker_threads(CONTROL_THREADS).thread_name("control").enable_all().build();
        let control = threads.map_err(StartError::Threads)?;
        let network = Arc::new(network);
        let certificates = Certificates::open(config)?;
        let api = Api {
            engine: engine.clone(),
            metrics: metrics.clone(),
            mqtt: context.config.clone(),
            traces: context.traces.clone(),
            server_ca: certificates.roots().into(),
            stop: stop.clone(),
        };
        let door = Door {
            hosts: Arc::new(Hosts::new(certificates.hosts.iter().map(|(host, _)| host.clone()).collect())),
            metrics: metrics.clone(),
            black_box,
            places: Arc::new(Semaphore::new(config.mqtt.connections_max)),
            handshakes: Arc::new(Semaphore::new(config.mqtt.handshakes_max)),
        };
        let server_ca = certificates.ca.path();
        for (host, files) in &certificates.hosts {
            control.spawn(door::watch(host.clone(), files.clone(), door::provider(), stop.clone()));
        }
        let listen = listen(config, door, http::router(api), network.clone(), stop.clone());
        let addresses = control.block_on(listen)?;
        control.spawn(housekeeping::tick(engine.clone(), stop.clone()));
        control.spawn(housekeeping::keep(engine.clone(), metrics, certificates, stop.clone()));
        info!(mqtts = %addresses.mqtts, https = %addresses.https, seconds = started.elapsed().as_secs_f64(), "listening");
        Ok(Server { engine, addresses, server_ca, control, network, stop })
    }

    /// The runtime that everything but MQTT runs on.
    pub(crate) fn control(&self) -> &Runtime {
        &self.control
    }

    /// Cancelled when the server is to stop.
    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Blocks until the process is asked to end (SIGINT, SIGTERM).
    pub(crate) fn wait_for_signal(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        self.control.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted,
                _ = terminate.recv() => Ok(()),
            }
        })
    }

    /// Tells the clients, writes what is under way, and ends.
    pub(crate) fn stop(mut self) {
        self.stop.cancel();
        if self.control.block_on(async { tokio::time::timeout(DRAIN_TIME, self.network.drained()).await }).is_err() {
            warn!("some connections did not end in time");
        }
        self.engine.stop();
        self.control.shutdown_timeout(DRAIN_TIME);
        if let Some(network) = Arc::get_mut(&mut self.network) {
            network.join();
        }
        info!("stopped");
    }
}

/// Binds every address, and accepts from there on.
async fn listen(
    config: &Config,
    door: Door,
    router: Router,
    network: Arc<Network>,
    stop: CancellationToken,
) -> Result<Addresses, StartError> {
    let mqtts = bind(config.listen.mqtts).await?;
    let https = bind(config.listen.https).await?;
    let http = match config.listen.http {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let addresses = Addresses {
        mqtts: mqtts.local_addr().map_err(|cause| StartError::Bind(config.listen.mqtts, cause))?,
        https: https.local_addr().map_err(|cause| StartError::Bind(config.listen.https, cause))?,
        http: http.as_ref().and_then(|listener| listener.local_addr().ok()),
        socket: config.listen.socket.clone(),
    };
    http::serve_unix(&addresses.socket, router.clone(), stop.clone())
        .map_err(|cause| StartError::Socket(addresses.socket.clone(), cause))?;
    if let Some(listener) = http {
        tokio::spawn(http::serve_loopback(listener, router.clone(), stop.clone()));
    }
    let opened = {
        let stop = stop.clone();
        move |opened: Opened| hand_over(opened, &network, router.clone(), stop.clone())
    };
    tokio::spawn(door.clone().listen(mqtts, Port::Mqtts, stop.clone(), opened.clone()));
    tokio::spawn(door.listen(https, Port::Https, stop, opened));
    Ok(addresses)
}

fn hand_over(opened: Opened, network: &Network, router: Router, stop: CancellationToken) {
    match opened.protocol {
        Protocol::Mqtt => network.serve(opened),
        Protocol::Http => {
            let named = opened.stream.get_ref().1.server_name().is_some();
            let origin = Origin::Tls { host: opened.host.name.clone(), named };
            tokio::spawn(async move {
                http::serve_stream(opened.stream, origin, router, stop).await;
                drop(opened.place);
            });
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Bind(address, cause))
}

/// Makes the data folder, for its owner alone.
fn private_folder(folder: &Path) -> Result<(), StartError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| StartError::Folder(folder.to_owned(), cause))
}

/// Why a server could not start; each says what to change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The data.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// A certificate or key.
    #[error("{0}")]
    Pki(#[from] PkiError),
    /// The data folder.
    #[error("the folder {0} cannot be made: {1}")]
    Folder(PathBuf, std::io::Error),
    /// An address.
    #[error(
        "cannot listen on {0}: {1}; stop what listens there, or choose another port (`dinrail dev --ports auto` takes free ones)"
    )]
    Bind(SocketAddr, std::io::Error),
    /// The socket file.
    #[error("cannot listen on the socket file {0}: {1}")]
    Socket(PathBuf, std::io::Error),
    /// The system.
    #[error("the system gives no threads: {0}")]
    Threads(std::io::Error),
}
