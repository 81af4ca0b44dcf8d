//! What a refused peer sent first, in words.

use tls_parser::{
    TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions, parse_tls_plaintext,
};

/// What the first bytes of a connection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstBytes {
    /// Nothing came.
    Silence,
    /// A TLS record; with the newest version that its ClientHello offers, where that could be read.
    Tls(Option<String>),
    /// An MQTT CONNECT without TLS.
    PlainMqtt,
    /// An HTTP request without TLS.
    PlainHttp,
    /// Anything else.
    Other,
}

impl FirstBytes {
    /// Tells protocols apart by their first bytes.
    pub(crate) fn of(bytes: &[u8]) -> FirstBytes {
        const METHODS: [&[u8]; 6] = [b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI"];
        match bytes {
            [] => FirstBytes::Silence,
            [0x16, 0x03, ..] | [0x16] => FirstBytes::Tls(offered_version(bytes)),
            [0x10, ..] => FirstBytes::PlainMqtt,
            _ if METHODS.iter().any(|method| bytes.starts_with(method)) => FirstBytes::PlainHttp,
            _ => FirstBytes::Other,
        }
    }

    /// A hint for the person who wonders why nothing connects.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            FirstBytes::Silence => "the peer connected and sent nothing; a port scan or a health check does that",
            FirstBytes::Tls(_) => "the TLS handshake could not be finished",
            FirstBytes::PlainMqtt => "this is MQTT without TLS; give the client the server's CA file and turn TLS on",
            FirstBytes::PlainHttp => "this is HTTP without TLS; use https:// and, for the API, the HTTPS port",
            FirstBytes::Other => "the first bytes are neither TLS, MQTT nor HTTP",
        }
    }

    /// A stable word for metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            FirstBytes::Silence => "silence",
            FirstBytes::Tls(_) => "tls",
            FirstBytes::PlainMqtt => "mqtt_without_tls",
            FirstBytes::PlainHttp => "http_without_tls",
            FirstBytes::Other => "other_protocol",
        }
    }
}

/// The newest version in a ClientHello: its supported_versions, or else its legacy version.
fn offered_version(bytes: &[u8]) -> Option<String> {
    let (_, record) = parse_tls_plaintext(bytes).ok()?;
    let hello = record.msg.iter().find_map(|message| match message {
        TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) => Some(hello),
        _ => None,
    })?;
    let extensions = hello.ext.and_then(|bytes| parse_tls_client_hello_extensions(bytes).ok()).map(|(_, list)| list);
    let listed = extensions.unwrap_or_default().into_iter().find_map(|extension| match extension {
        TlsExtension::SupportedVersions(versions) => {
            versions.into_iter().map(|version| version.0).filter(is_version).max()
        }
        _ => None,
    });
    Some(match listed.unwrap_or(hello.version.0) {
        0x0304 => "1.3".to_owned(),
        0x0303 => "1.2".to_owned(),
        0x0302 => "1.1".to_owned(),
        0x0301 => "1.0".to_owned(),
        other => format!("{other:#06x}"),
    })
}

/// GREASE values (RFC 8701) are no versions.
fn is_version(version: &u16) -> bool {
    (0x0300..=0x0304).contains(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_on_a_tls_port_have_names() {
        assert_eq!(FirstBytes::of(b"\x10\x10\x00\x04MQTT"), FirstBytes::PlainMqtt);
        assert_eq!(FirstBytes::of(b"GET / HTTP/1.1\r\n"), FirstBytes::PlainHttp);
        assert_eq!(FirstBytes::of(b"SSH-2.0-x"), FirstBytes::Other);
        assert_eq!(FirstBytes::of(b""), FirstBytes::Silence);
        assert_eq!(FirstBytes::of(b"\x16\x03\x01\xff\xff"), FirstBytes::Tls(None));
    }
}
