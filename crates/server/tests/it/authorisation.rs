//! Every route, with every kind of caller: the answers are a committed table, and a route that is not in it fails.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::support::{Api, Client, Dev, Hello, Way, folder, make_ca, output};

/// A route as the table names it, and a call of it in the tenant `{t}`.
const CALLS: [(&str, &str, &str); 27] = [
    ("get", "/healthz", ""),
    ("get", "/readyz", ""),
    ("get", "/metrics", ""),
    ("get", "/api/dinrail/v1/openapi.json", ""),
    ("get", "/api/dinrail/v1/server-ca", ""),
    ("get", "/api/dinrail/v1/agents", ""),
    ("get", "/api/dinrail/v1/agents/{clientId}", ""),
    ("get", "/api/dinrail/v1/agents/{clientId}/datapoints", ""),
    ("get", "/api/dinrail/v1/agents/{clientId}/datapoints/{dataPointId}/samples", ""),
    ("get", "/api/dinrail/v1/agents/{clientId}/rejects", ""),
    ("get", "/api/dinrail/v1/sessions", ""),
    ("get", "/api/dinrail/v1/agents/{clientId}/sessions", ""),
    ("post", "/api/dinrail/v1/agents/{clientId}/disconnect", "{}"),
    ("post", "/api/dinrail/v1/agents/{clientId}/messages", r#"{"topic": "a/b", "payload": "x"}"#),
    ("post", "/api/dinrail/v1/agents/{clientId}/revoke", "{}"),
    ("post", "/api/dinrail/v1/agents/{clientId}/restore", "{}"),
    ("get", "/api/dinrail/v1/tenants", ""),
    ("post", "/api/dinrail/v1/tenants", r#"{"id": "third"}"#),
    ("get", "/api/dinrail/v1/tenants/{tenant}", ""),
    ("get", "/api/dinrail/v1/tenants/{tenant}/audit", ""),
    ("get", "/api/dinrail/v1/tenants/{tenant}/authorities", ""),
    ("post", "/api/dinrail/v1/tenants/{tenant}/authorities", r#"{"certificate": "x"}"#),
    ("get", "/api/dinrail/v1/tenants/{tenant}/authorities/{id}", ""),
    ("post", "/api/dinrail/v1/tenants/{tenant}/authorities/{id}/code", "{}"),
    ("post", "/api/dinrail/v1/tenants/{tenant}/authorities/{id}/verify", r#"{"verificationCertificate": "x"}"#),
    ("get", "/api/dinrail/v1/tokens", ""),
    ("get", "/api/dinrail/v1/handshakes", ""),
];

/// A route whose answer goes on until the caller has seen enough; its refusals are like the others'.
const ENDLESS: (&str, &str) = ("get", "/api/dinrail/v1/agents/{clientId}/trace");

/// Routes whose call changes what the others see; called last, each with what the operator's call needs.
const DESTROYING: [(&str, &str, &str); 3] = [
    ("post", "/api/dinrail/v1/tokens", r#"{"tenant": "demo"}"#),
    ("delete", "/api/dinrail/v1/tokens/{id}", ""),
    ("delete", "/api/dinrail/v1/tenants/{tenant}/authorities/{id}", ""),
];

#[test]
fn the_table_of_who_may_call_what_is_the_committed_one() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    Client::connect(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &Hello::v311(&agent.client_id))
        .publish_acknowledged(
            &agent.outbound("mc_v3/ts"),
            &crate::support::sample("x", "2026-03-01T10:00:00Z", "1"),
            1,
        );
    output(&mut dev.cli(&["tenant", "create", "other"]));
    let operator = dev.api();
    let authority = operator.get("/tenants/demo/authorities")["authorities"][0]["id"].as_str().unwrap().to_owned();
    let callers: Vec<(&str, Api)> = vec![
        ("nobody", operator.with_token(None)),
        ("unknown", operator.with_token(Some("dr_0000"))),
        ("other-admin", operator.with_token(Some(&operator.token("other", "admin")))),
        ("reader", operator.with_token(Some(&operator.token("demo", "reader")))),
        ("admin", operator.with_token(Some(&operator.token("demo", "admin")))),
        ("operator", operator.clone()),
    ];
    let mut table = String::from("# status of each route for each caller, in the tenant demo\n");
    write!(table, "{:<90}", "route").unwrap();
    callers.iter().for_each(|(name, _)| write!(table, " {name:>11}").unwrap());
    table.push('\n');
    for (method, path, body) in CALLS.into_iter().chain(DESTROYING) {
        let id = if path.contains("tokens") { "0123" } else { &authority };
        let url = path
            .replace("{clientId}", &agent.client_id)
            .replace("{dataPointId}", "x")
            .replace("{tenant}", "demo")
            .replace("{id}", id);
        write!(table, "{:<90}", format!("{method} {path}")).unwrap();
        for (_, api) in &callers {
            let body: Option<Value> = (!body.is_empty()).then(|| serde_json::from_str(body).unwrap());
            let (status, answer) = api.call(&method.to_uppercase(), &url, body);
            assert!(status < 500, "{method} {path}: {answer}");
            write!(table, " {status:>11}").unwrap();
        }
        table.push('\n');
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/authorisation.txt");
    if std::env::var_os("DINRAIL_WRITE_DOCUMENTS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(table == committed, "who may call what has changed; `cargo xtask documents` writes it down:\n{table}");
}

#[test]
fn every_route_of_the_document_is_in_the_table() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    output(&mut dev.cli(&["tenant", "create", "other"]));
    let document = dev.api().with_token(None).get("/openapi.json");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let endless = (method.as_str(), path.as_str()) == ENDLESS;
            let known =
                endless || CALLS.iter().chain(&DESTROYING).any(|(known, route, _)| known == method && route == path);
            assert!(known, "{method} {path} is not in the table of callers");
        }
    }
    let count: usize =
        document["paths"].as_object().unwrap().values().map(|methods| methods.as_object().unwrap().len()).sum();
    assert_eq!(count, CALLS.len() + DESTROYING.len() + 1);
    for (token, expected) in [(None, 401), (Some(dev.api().token("other", "admin")), 404)] {
        let path = ENDLESS.1.replace("{clientId}", "demo_press-01");
        assert_eq!(dev.api().with_token(token.as_deref()).call("GET", &path, None).0, expected);
    }
}

#[test]
fn a_reader_is_not_shown_the_registration_code() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, _) = make_ca(folder.path(), "second");
    output(&mut dev.cli(&["ca", "add", "--tenant", "demo", ca.to_str().unwrap()]));
    let codes = |role: &str| {
        let list = dev.api().with_token(Some(&dev.api().token("demo", role))).get("/tenants/demo/authorities");
        list["authorities"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|authority| authority["registrationCode"].is_string())
            .count()
    };
    assert_eq!((codes("admin"), codes("reader")), (1, 0));
}

#[test]
fn an_expired_or_deleted_token_is_refused() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let created =
        dev.api().post("/tokens", json!({"tenant": "demo", "role": "reader", "label": "for a day", "days": 1}));
    let reader = dev.api().with_token(created["token"].as_str());
    assert_eq!(reader.get("/tenants")["tenants"][0]["id"], "demo");
    let id = created["id"].as_str().unwrap();
    assert_eq!(dev.api().call("DELETE", &format!("/api/dinrail/v1/tokens/{id}"), None).0, 204);
    assert_eq!(reader.call("GET", "/api/dinrail/v1/tenants", None).0, 401);
    let file = std::fs::read(folder.path().join("dinrail.db")).unwrap();
    let secret = created["token"].as_str().unwrap().as_bytes();
    assert!(!file.windows(secret.len()).any(|window| window == secret), "the server keeps no secret, only its hash");
}

#[test]
fn a_host_that_is_not_meant_is_refused() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let port: u16 = dev.json["api"]["url"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    let ask = |host: &str| {
        use std::io::{Read, Write};
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(socket, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("localhost").starts_with("HTTP/1.1 200"));
    assert!(ask(&format!("127.0.0.1:{port}")).starts_with("HTTP/1.1 200"));
    assert!(
        ask("evil.example").starts_with("HTTP/1.1 421"),
        "a page that makes its name resolve to loopback gets nothing"
    );
}
