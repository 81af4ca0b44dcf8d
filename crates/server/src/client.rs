//! Talks to the API of a server, over its socket file or HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Where a server's socket file is looked for when no server is named.
const SOCKETS: [&str; 2] = ["dinrail-dev/dinrail.sock", "/var/lib/dinrail/dinrail.sock"];

/// A server to ask.
#[derive(Debug)]
pub(crate) struct Client {
    server: Server,
    token: Option<String>,
}

#[derive(Debug)]
enum Server {
    Unix(PathBuf),
    Http { uri: Uri, ca: Option<PathBuf> },
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Client {
    /// A server on this machine, by its socket file.
    pub(crate) fn local(socket: &Path) -> Client {
        Client { server: Server::Unix(socket.to_owned()), token: None }
    }

    /// A server's plain port on loopback.
    pub(crate) fn loopback(address: SocketAddr, token: &str) -> Result<Client, ClientError> {
        let url = format!("http://{address}");
        let uri = url.parse().map_err(|_| ClientError::Url(url))?;
        Ok(Client { server: Server::Http { uri, ca: None }, token: Some(token.to_owned()) })
    }

    /// The server that the options name, or the one that runs here.
    pub(crate) fn new(
        server: Option<&str>,
        token: Option<String>,
        server_ca: Option<PathBuf>,
    ) -> Result<Client, ClientError> {
        let server = match server {
            None => {
                Server::Unix(SOCKETS.iter().map(PathBuf::from).find(|path| path.exists()).ok_or(ClientError::NoServer)?)
            }
            Some(url) => match url.strip_prefix("unix:") {
                Some(path) => Server::Unix(path.into()),
                None => {
                    let uri: Uri = url.parse().map_err(|_| ClientError::Url(url.to_owned()))?;
                    if uri.host().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
                        return Err(ClientError::Url(url.to_owned()));
                    }
                    Server::Http { uri, ca: server_ca }
                }
            },
        };
        Ok(Client { server, token })
    }

    /// GET of a path below `/api/dinrail/v1`.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.call(Method::GET, path, None).await
    }

    /// POST.
    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        self.call(Method::POST, path, body).await
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.call(Method::DELETE, path, None).await
    }

    /// GET of an answer that goes on, line by line, until it ends.
    pub(crate) async fn follow(&self, path: &str, mut line: impl FnMut(&str)) -> Result<(), ClientError> {
        let mut response = self.send(Method::GET, path, None).await?;
        if !response.status().is_success() {
            return self.read(response).await.map(drop);
        }
        let mut text = Vec::new();
        while let Some(frame) = response.frame().await {
            let frame = frame.map_err(|cause| ClientError::Unreachable(self.name(), cause.to_string()))?;
            text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                line(&String::from_utf8_lossy(&text[..end]));
                text.drain(..=end);
            }
        }
        Ok(())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        let response = self.send(method, path, body).await?;
        self.read(response).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response<Incoming>, ClientError> {
        let (stream, host) = self.connect().await?;
        let unreachable = |cause: hyper::Error| ClientError::Unreachable(self.name(), cause.to_string());
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(format!("/api/dinrail/v1{path}")).header(header::HOST, host);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(Full::new(bytes)).map_err(|cause| ClientError::Url(cause.to_string()))?;
        sender.send_request(request).await.map_err(unreachable)
    }

    /// The whole answer, or the problem that it tells of.
    async fn read(&self, response: Response<Incoming>) -> Result<Value, ClientError> {
        let status = response.status();
        let body = response.into_body().collect().await;
        let bytes = body.map_err(|cause| ClientError::Unreachable(self.name(), cause.to_string()))?.to_bytes();
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let value: Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        if status.is_success() {
            return Ok(value);
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(ClientError::Refused { status: status.as_u16(), detail: text("detail"), tracking_id: text("trackingId") })
    }

    async fn connect(&self) -> Result<(Box<dyn Stream>, String), ClientError> {
        let unreachable = |cause: std::io::Error| ClientError::Unreachable(self.name(), cause.to_string());
        match &self.server {
            Server::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                Ok((Box::new(stream), "localhost".to_owned()))
            }
            Server::Http { uri, ca } => {
                let is_tls = uri.scheme_str() == Some("https");
                let host = uri.host().unwrap_or_default().to_owned();
                let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
                let stream = TcpStream::connect((host.as_str(), port)).await.map_err(unreachable)?;
                let authority = format!("{host}:{port}");
                if !is_tls {
                    return Ok((Box::new(stream), authority));
                }
                let name = ServerName::try_from(host).map_err(|_| ClientError::Url(uri.to_string()))?;
                let connector = tokio_rustls::TlsConnector::from(Arc::new(tls(ca.as_deref())?));
                Ok((Box::new(connector.connect(name, stream).await.map_err(unreachable)?), authority))
            }
        }
    }

    fn name(&self) -> String {
        match &self.server {
            Server::Unix(path) => format!("unix:{}", path.display()),
            Server::Http { uri, .. } => uri.to_string(),
        }
    }
}

/// A TLS client that trusts one file.
fn tls(ca: Option<&Path>) -> Result<rustls::ClientConfig, ClientError> {
    let ca = ca.ok_or(ClientError::NoServerCa)?;
    let unusable = |cause: &dyn std::fmt::Display| ClientError::ServerCa(ca.to_owned(), cause.to_string());
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|cause| unusable(&cause))? {
        let certificate = certificate.map_err(|cause| unusable(&cause))?;
        roots.add(certificate).map_err(|cause| unusable(&cause))?;
    }
    let builder = rustls::ClientConfig::builder_with_provider(crate::door::provider());
    let versions = builder.with_safe_default_protocol_versions().map_err(|cause| unusable(&cause))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Percent-encodes one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// Why the server did not do it; each says what to try.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// None named, none found.
    #[error(
        "no server found here; start one with `dinrail dev`, or name it with --server unix:PATH or --server https://HOST --token TOKEN"
    )]
    NoServer,
    /// Not a URL.
    #[error("{0:?} is no server; give unix:PATH, http://HOST:PORT or https://HOST:PORT")]
    Url(String),
    /// An https URL needs its CA.
    #[error("give the server's CA file with --server-ca; GET /api/dinrail/v1/server-ca has it")]
    NoServerCa,
    /// The CA file.
    #[error("{0} cannot be used as the server's CA: {1}")]
    ServerCa(PathBuf, String),
    /// The connection.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// The answer.
    #[error("{detail} (status {status}, tracking id {tracking_id})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The problem's words.
        detail: String,
        /// To be found in the server's log.
        tracking_id: String,
    },
}
