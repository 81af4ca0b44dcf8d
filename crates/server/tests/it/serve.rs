//! `dinrail serve`: the production form.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use mqtt::{Packet, ReasonCode};

use crate::support::{Client, DINRAIL, Hello, Reply, Serve, Way, failure, folder, output, own_tenant, wait_for};

const HOSTS: &str =
    "[[host]]\nname = \"localhost\"\nroles = [\"eu1\"]\n[[host]]\nname = \"api.localhost\"\nroles = [\"api\"]\n";

/// Asks over HTTPS with curl; gives the status and the body.
fn curl(serve: &Serve, host: &str, path: &str, arguments: &[&str]) -> (String, String) {
    let port = serve.port("https");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--resolve", &format!("{host}:{port}:127.0.0.1"), "-w", "\n%{http_code}", "--cacert"]);
    curl.arg(serve.data().join("pki/server-ca.pem")).args(arguments);
    let text = output(curl.arg(format!("https://{host}:{port}{path}")));
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn nothing_is_made_unasked_and_everything_secret_is_its_owners() {
    let folder = folder();
    let serve = Serve::start(folder.path(), HOSTS);
    assert_eq!(output(&mut serve.cli(&["tenant", "list"])).lines().count(), 2, "a header, and (none)");
    let mode = |path: &str| std::fs::metadata(serve.data().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for secret in ["dinrail.sock", "dinrail.db", "pki/server-ca.key", "pki/localhost.key"] {
        assert_eq!(mode(secret), 0o600, "{secret}");
    }
    serve.stop();
}

#[test]
fn each_host_serves_what_its_role_is_and_no_other_host_under_its_name() {
    let folder = folder();
    let serve = Serve::start(folder.path(), HOSTS);
    let (agent, _) = own_tenant(&serve, folder.path(), "acme", "press");
    let ca = serve.data().join("pki/server-ca.pem");
    Client::connect(&Way::new(serve.port("mqtts"), &ca, &agent), &Hello::v5(&agent.client_id)).disconnect();
    let alpn = Way { alpn: Some("x-amzn-mqtt-ca"), ..Way::new(serve.port("https"), &ca, &agent) };
    Client::connect(&alpn, &Hello::v5(&agent.client_id)).disconnect();
    let wrong = Way { server_name: "api.localhost", ..Way::new(serve.port("mqtts"), &ca, &agent) };
    assert!(wrong.open().is_err(), "the API's name serves no MQTT");
    assert_eq!(curl(&serve, "api.localhost", "/healthz", &[]).0, "200");
    assert_eq!(curl(&serve, "api.localhost", "/metrics", &[]).0, "401", "only the plain port of dev asks for no token");
    assert_eq!(curl(&serve, "api.localhost", "/healthz", &["-H", "Host: localhost"]).0, "421");
    assert_eq!(curl(&serve, "api.localhost", "/healthz", &["--http1.1", "-H", "Host: elsewhere"]).0, "421");
}

#[test]
fn a_certificate_that_is_replaced_is_served_and_the_connections_stay_up() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let make = |name: &str| {
        crate::support::openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            &path("host.key.new"),
            "-out",
            &path("host.pem.new"),
        ]);
        std::fs::rename(path("host.key.new"), path("host.key")).unwrap();
        std::fs::rename(path("host.pem.new"), path("host.pem")).unwrap();
    };
    make("first");
    let text = format!(
        "[[host]]\nname = \"localhost\"\nroles = [\"eu1\", \"api\"]\ncertificate = {:?}\nkey = {:?}\n",
        path("host.pem"),
        path("host.key")
    );
    let serve = Serve::start(folder.path(), &text);
    let (agent, _) = own_tenant(&serve, folder.path(), "acme", "press");
    std::fs::copy(path("host.pem"), path("first.pem")).unwrap();
    let first = folder.path().join("first.pem");
    let mut client = Client::connect(&Way::new(serve.port("mqtts"), &first, &agent), &Hello::v5(&agent.client_id));
    make("second");
    let second = folder.path().join("host.pem");
    wait_for("the new certificate", || Way::new(serve.port("mqtts"), &second, &agent).open().ok());
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Reply::Pingresp, "the old connection is still there");
    std::fs::write(path("host.pem"), "not a certificate").unwrap();
    wait_for("the complaint", || serve.log().contains("the old one stays in force").then_some(()));
    std::fs::write(folder.path().join("second.pem"), "").unwrap();
}

#[test]
fn a_wrong_configuration_is_told_what_is_wrong_with_it() {
    let folder = folder();
    let config = folder.path().join("dinrail.toml");
    let check = |text: &str| {
        std::fs::write(&config, text).unwrap();
        let mut check = Command::new(DINRAIL);
        check.arg("check-config").arg("--config").arg(&config);
        check
    };
    output(&mut check("[data]\nfolder = \"x\"\n[[host]]\nname = \"a.example\"\nroles = [\"eu1\"]\n"));
    assert!(failure(&mut check("[data]\nfolder = \"x\"\n")).contains("[[host]]"));
    let words = failure(&mut check("[data]\nfolder = \"x\"\n[listen]\nmqtt = \"0.0.0.0:1\"\n"));
    assert!(words.contains("mqtt") && words.contains("mqtts"), "{words}");
    let words = failure(&mut check(
        "[data]\nfolder = \"x\"\n[[host]]\nname = \"a\"\nroles = [\"eu1\"]\ncertificate = \"no.pem\"\nkey = \"no.key\"\n",
    ));
    assert!(words.contains("no.pem"), "{words}");
}

#[test]
fn a_setting_ignores_forbidden_publishes_instead_of_closing() {
    let folder = folder();
    let text = format!("[eu1]\nforbidden_publish = \"ignore\"\n{HOSTS}");
    let serve = Serve::start(folder.path(), &text);
    let (agent, _) = own_tenant(&serve, folder.path(), "acme", "press");
    let ca = serve.data().join("pki/server-ca.pem");
    let mut client = Client::connect(&Way::new(serve.port("mqtts"), &ca, &agent), &Hello::v311(&agent.client_id));
    let (reason, _) = client.publish_acknowledged("elsewhere", "{}", 1);
    assert_eq!(reason, ReasonCode::Success, "3.1.1 has no other word");
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Reply::Pingresp);
    assert!(serve.log().contains("ingest.reject"), "never in silence");
}
