//! Serves the router on a connection, whatever it came over, after checking that it is meant for this host.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::info;

use super::Problem;

/// How long a client may take to send its request's head.
const HEAD_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// The first byte of a ClientHello's record (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// How long a listener rests after a connection could not be accepted.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// What a connection came over; decides who may do what without a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// TLS for this host, whether or not the client has sent its name.
    Tls {
        /// The host's name.
        host: String,
        /// Whether it came as SNI.
        named: bool,
    },
    /// The plain port of `dinrail dev`.
    Loopback,
    /// The socket file, which only its owner may open.
    UnixSocket,
}

impl Origin {
    /// Whether a `Host` is meant for this connection. On the plain port a page from elsewhere could otherwise reach
    /// the API through a name that it makes resolve to loopback (DNS rebinding).
    fn takes_host(&self, host: Option<&str>) -> bool {
        let name = host.map(|host| {
            host.rsplit_once(':')
                .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
                .map_or(host, |(name, _)| name)
        });
        match self {
            Origin::UnixSocket => true,
            Origin::Loopback => name.is_some_and(|name| ["localhost", "127.0.0.1", "[::1]"].contains(&name)),
            Origin::Tls { host, named } => {
                let is_address = |name: &str| name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
                name.is_some_and(|name| name.eq_ignore_ascii_case(host) || !named && is_address(name))
            }
        }
    }
}

/// Serves one connection until it ends, or `stop` is cancelled and its request is answered.
pub(crate) async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: Origin,
    router: Router,
    stop: CancellationToken,
) {
    let has_asked = Arc::new(AtomicBool::new(false));
    let asked = has_asked.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let (router, origin) = (router.clone(), origin.clone());
        async move { Ok::<_, Infallible>(answer(request, origin, router).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // Until hyper knows which version of HTTP it is, no timeout of its own holds.
    let silent = async {
        tokio::time::sleep(HEAD_TIME).await;
        if has_asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        () = silent => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(mut request: Request<Incoming>, origin: Origin, router: Router) -> Response {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(|authority| authority.as_str()).or(header);
    if !origin.takes_host(host) {
        return Problem::misdirected().into_response();
    }
    request.extensions_mut().insert(origin);
    match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Serves plain HTTP until `stop`; the listener is bound to loopback.
pub(crate) async fn serve_loopback(listener: TcpListener, router: Router, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, address)) => drop(tokio::spawn(serve_plain(stream, address, router.clone(), stop.clone()))),
            // Out of descriptors: the ones in use come back; trying at once would only spin.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_plain(stream: TcpStream, address: SocketAddr, router: Router, stop: CancellationToken) {
    let mut first = [0];
    match tokio::time::timeout(HEAD_TIME, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first == [TLS_HANDSHAKE] => {
            let hint = "this is TLS on the plain port; use http://, or the HTTPS port";
            info!(event = "tls.reject", %address, code = "tls_on_plain", hint, "refused");
        }
        Ok(Ok(1)) => serve_stream(stream, Origin::Loopback, router, stop).await,
        // It has said nothing, or is gone.
        _ => {}
    }
}

/// Serves the command line on a socket file of mode 0600.
pub(crate) fn serve_unix(path: &Path, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // A file that a killed server left behind; the data folder's lock says that no other server lives.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let path: Arc<Path> = path.into();
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    drop(tokio::spawn(serve_stream(stream, Origin::UnixSocket, router.clone(), stop.clone())));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
        let _ = std::fs::remove_file(path);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_port_takes_loopback_names_only() {
        assert!(Origin::Loopback.takes_host(Some("localhost:8080")));
        assert!(Origin::Loopback.takes_host(Some("127.0.0.1")));
        assert!(Origin::Loopback.takes_host(Some("[::1]:8080")));
        assert!(!Origin::Loopback.takes_host(Some("evil.example:8080")));
        assert!(!Origin::Loopback.takes_host(None));
    }

    #[test]
    fn a_tls_connection_serves_the_name_it_was_made_for() {
        let origin = Origin::Tls { host: "api.example".into(), named: true };
        assert!(origin.takes_host(Some("API.example:443")));
        assert!(!origin.takes_host(Some("other.example")));
        assert!(!origin.takes_host(Some("192.0.2.1")));
        let unnamed = Origin::Tls { host: "api.example".into(), named: false };
        assert!(unnamed.takes_host(Some("[2001:db8::1]:443")), "a client that connects to an address sends no name");
        assert!(!unnamed.takes_host(Some("other.example")));
    }
}
