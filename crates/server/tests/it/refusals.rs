//! Handshakes and CONNECTs that are refused: what the peer hears, and what is kept of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mqtt::ReasonCode;
use serde_json::Value;

use crate::support::{
    Agent, Client, Dev, Hello, PATIENCE, Reply, Way, failure, folder, make_ca, openssl, output, sample, wait_for,
};

/// The record whose code this is.
fn record(dev: &Dev, code: &str) -> Value {
    wait_for(code, || {
        let list = dev.api().get("/handshakes?limit=1000");
        list["handshakes"].as_array()?.iter().find(|record| record["code"] == code).cloned()
    })
}

fn refused(dev: &Dev, agent: &Agent, client_id: &str) -> (ReasonCode, String) {
    let ca = dev.server_ca();
    let mut client = Client::start(&Way::new(dev.mqtts(), &ca, agent), &Hello::v5(client_id)).unwrap();
    let Reply::Connack { reason, words, .. } = client.receive() else { panic!("no CONNACK") };
    assert_eq!(client.receive(), Reply::Closed);
    (reason, words.unwrap_or_default())
}

/// An agent whose certificate is valid in these years.
fn issued(folder: &Path, ca: (&Path, &Path), cn: &str, years: (i32, i32)) -> Agent {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_pem(&read(ca.0), rcgen::KeyPair::from_pem(&read(ca.1)).unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, cn);
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(years.0, 2, 1), rcgen::date_time_ymd(years.1, 2, 1));
    let agent = Agent {
        client_id: format!("demo_{cn}"),
        certificate: folder.join(format!("{cn}.pem")),
        key: folder.join(format!("{cn}.key")),
    };
    std::fs::write(&agent.certificate, params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    std::fs::write(&agent.key, key.serialize_pem()).unwrap();
    agent
}

#[test]
fn certificates_of_plain_openssl_commands_work_version_1_included() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, key) = dev.ca();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ca, key) = (ca.to_str().unwrap(), key.to_str().unwrap());
    openssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=plain",
        "-keyout",
        &path("plain.key"),
        "-out",
        &path("plain.csr"),
    ]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        &path("plain.csr"),
        "-CA",
        ca,
        "-CAkey",
        key,
        "-CAcreateserial",
        "-days",
        "365",
        "-out",
        &path("plain.pem"),
    ]);
    let agent =
        Agent { client_id: "demo_plain".into(), certificate: path("plain.pem").into(), key: path("plain.key").into() };
    let shown = output(Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(&agent.certificate));
    assert!(shown.contains("Version: 1"), "{shown}");
    // The first connect makes the agent and is closed. (rustls, as a client, does not present such certificates.)
    let publish = |tls: &str| {
        let mut publish = agent.mosquitto("mosquitto_pub", dev.mqtts(), &dev.server_ca());
        publish.args([
            "--tls-version",
            tls,
            "-t",
            &agent.outbound("mc_v3/ts"),
            "-m",
            &sample("x", "2026-03-01T10:00:00Z", tls),
        ]);
        publish
    };
    failure(&mut publish("tlsv1.3"));
    for tls in ["tlsv1.2", "tlsv1.3"] {
        output(&mut publish(tls));
        assert_eq!(dev.api().values(&agent.client_id, "x"), [tls]);
    }
}

#[test]
fn each_refused_connect_has_a_code_and_a_hint_that_names_the_fix() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, key) = dev.ca();
    let agent = dev.agent(0);

    assert_eq!(refused(&dev, &agent, "demo_press-1").0, ReasonCode::NotAuthorized);
    let kept = record(&dev, "client_id_mismatch");
    assert_eq!(kept["hint"], format!("client id must be {}, got demo_press-1", agent.client_id));
    assert_eq!(
        (&kept["stage"], &kept["tlsVersion"], &kept["sni"]),
        (&"connect".into(), &"1.3".into(), &"localhost".into())
    );
    assert!(
        kept["subject"].as_str().unwrap().contains("CN=press-01")
            && kept["serial"].is_string()
            && kept["notAfter"].is_string()
    );

    assert_eq!(refused(&dev, &agent, "no-tenant-in-it").0, ReasonCode::ClientIdentifierNotValid);
    assert!(record(&dev, "bad_client_id")["hint"].as_str().unwrap().contains("<tenant>_"));

    let (stranger_ca, stranger_key) = make_ca(folder.path(), "Nobody knows");
    let stranger = issued(folder.path(), (&stranger_ca, &stranger_key), "strange", (2020, 2090));
    let (reason, words) = refused(&dev, &stranger, "demo_strange");
    assert_eq!(reason, ReasonCode::NotAuthorized);
    assert!(!words.contains("Nobody knows"), "a stranger is not told whom the tenant trusts: {words}");
    assert!(record(&dev, "unknown_issuer")["hint"].as_str().unwrap().contains("CN=Nobody knows"));
    assert_eq!(refused(&dev, &stranger, "nosuchtenant_strange").0, ReasonCode::NotAuthorized);

    let expired = issued(folder.path(), (&ca, &key), "old", (2022, 2024));
    assert_eq!(refused(&dev, &expired, "demo_old").0, ReasonCode::NotAuthorized);
    assert!(record(&dev, "certificate_expired")["hint"].as_str().unwrap().contains("2024-02-01"));

    let server_ca = dev.server_ca();
    let bare = Way { certificate: None, ..Way::new(dev.mqtts(), &server_ca, &agent) };
    let mut client = Client::start(&bare, &Hello::v311(&agent.client_id)).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { reason: ReasonCode::NotAuthorized, .. }));
    assert!(record(&dev, "no_certificate")["hint"].as_str().unwrap().contains("certificate"));

    assert_eq!(dev.api().call("GET", "/api/dinrail/v1/agents/demo_strange", None).0, 404, "nobody refused is an agent");
    let found = dev.api().get("/handshakes?q=nobody%20KNOWS");
    assert_eq!(found["handshakes"].as_array().unwrap().len(), 2, "searchable by a part of the issuer");
}

#[test]
fn other_protocols_on_the_tls_port_are_named_as_such() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    for (bytes, code, word) in [
        (&b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"[..], "mqtt_without_tls", "without TLS"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "http_without_tls", "https://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "other_protocol", "neither"),
    ] {
        let mut socket = TcpStream::connect(("127.0.0.1", dev.mqtts())).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(bytes).unwrap();
        // An alert and the end, or the end alone.
        let _ = socket.read_to_end(&mut Vec::new());
        assert!(record(&dev, code)["hint"].as_str().unwrap().contains(word));
        assert!(dev.log().contains(code));
    }
}

#[test]
fn tls_on_the_plain_port_is_named_in_the_log() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let port: u16 = dev.json["api"]["url"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    assert!(Way::new(port, &ca, &agent).open().is_err());
    wait_for("the log line", || dev.log().contains("tls_on_plain").then_some(()));
}

#[test]
fn a_server_name_is_needed_for_mqtt_and_unknown_ones_are_refused() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let unnamed = Way { server_name: "127.0.0.1", ..Way::new(dev.mqtts(), &ca, &agent) };
    assert!(unnamed.open().is_err());
    assert!(record(&dev, "sni_missing")["hint"].as_str().unwrap().contains("by name"));
    let unknown = Way { server_name: "elsewhere.example", ..Way::new(dev.mqtts(), &ca, &agent) };
    assert!(unknown.open().is_err());
    assert_eq!(record(&dev, "unknown_host")["sni"], "elsewhere.example");
    let other_alpn = Way { alpn: Some("h2"), ..Way::new(dev.mqtts(), &ca, &agent) };
    assert!(other_alpn.open().unwrap_err().to_string().contains("NoApplicationProtocol"));
}

#[test]
fn an_old_tls_version_is_refused_and_the_offer_is_kept() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &format!("localhost:{}", dev.mqtts()), "-servername", "localhost", "-tls1_1"]);
    client.args(["-cipher", "ALL:@SECLEVEL=0"]).stdin(std::process::Stdio::null());
    assert!(!client.output().unwrap().status.success());
    let kept = wait_for("the record", || {
        let list = dev.api().get("/handshakes");
        list["handshakes"].as_array()?.iter().find(|record| record["tlsVersion"] == "1.1").cloned()
    });
    assert!(kept["hint"].as_str().unwrap().contains("RFC 8996"), "{kept}");
}

#[test]
fn a_peer_that_sends_nothing_delays_nobody() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(("127.0.0.1", dev.mqtts())).unwrap()).collect();
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let started = std::time::Instant::now();
    Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v311(&agent.client_id)).disconnect();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "behind 200 silent peers a connect took {:?}",
        started.elapsed()
    );
    for mut socket in silent {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(socket.read(&mut [0]).unwrap(), 0, "the handshake's time is over, and the socket really gone");
    }
}

#[test]
fn garbage_after_the_handshake_is_closed_and_nothing_is_processed() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let packets: [&[u8]; 5] = [
        // A PUBLISH before CONNECT, a Remaining Length of five bytes, a CONNECT of 64 KiB, one cut short, and SUBACK.
        b"\x30\x03\x00\x01x",
        b"\x10\xff\xff\xff\xff\x7f",
        b"\x10\x80\x80\x04\x00\x04MQTT",
        b"\x10\x0c\x00\x04MQTT\x04",
        b"\x90\x03\x00\x01\x00",
    ];
    for bytes in packets {
        let mut stream = Way::new(dev.mqtts(), &ca, &agent).open().unwrap();
        stream.write_all(bytes).unwrap();
        stream.conn.send_close_notify();
        let _ = stream.flush();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{bytes:x?} was answered with {answer:x?}");
    }
    assert_eq!(dev.api().call("GET", &format!("/api/dinrail/v1/agents/{}", agent.client_id), None).0, 404);
    Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v311(&agent.client_id)).disconnect();
}

#[test]
fn an_old_version_of_mqtt_hears_that_it_is_not_served() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let mut stream = Way::new(dev.mqtts(), &ca, &agent).open().unwrap();
    stream.write_all(b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01x").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, [0x20, 0x02, 0x00, 0x01]);
}
