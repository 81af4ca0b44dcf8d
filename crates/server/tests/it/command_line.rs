//! The command line as a new user meets it.

use std::process::Command;

use serde_json::Value;

use crate::support::{Client, DINRAIL, Dev, Hello, Way, failure, folder, output, samples, wait_for};

#[test]
fn help_names_every_noun_and_says_what_it_is_for() {
    let help = output(Command::new(DINRAIL).arg("--help"));
    for noun in ["dev", "serve", "check-config", "tenant", "ca", "agent", "session", "data", "token", "trace"] {
        let line = help
            .lines()
            .find(|line| line.trim_start().starts_with(noun))
            .unwrap_or_else(|| panic!("no {noun} in\n{help}"));
        assert!(line.trim().len() > noun.len() + 10, "{line}");
    }
}

#[test]
fn without_a_server_the_error_says_how_to_start_or_name_one() {
    let folder = folder();
    let mut list = Command::new(DINRAIL);
    list.args(["agent", "list"]).current_dir(folder.path()).env_remove("DINRAIL_SERVER");
    if !std::path::Path::new("/var/lib/dinrail/dinrail.sock").exists() {
        assert!(failure(&mut list).contains("dinrail dev"));
    }
    list.args(["--server", "ftp://x"]);
    assert!(failure(&mut list).contains("https://"));
}

#[test]
fn a_series_is_shown_as_a_table_and_as_json() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    let mut client = Client::connect(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &Hello::v311(&agent.client_id));
    let rows = [
        ("pressure", "2026-03-01T10:00:00Z", "6.20"),
        ("pressure", "2026-03-01T10:00:01Z", "6.25"),
        ("bad", "never", "1"),
    ];
    client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &samples(&rows), 1);

    let table = output(&mut dev.cli(&["data", "query", &agent.client_id, "pressure", "-o", "table"]));
    let lines: Vec<_> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(
        lines,
        [
            vec!["TIME", "VALUE", "QUALITY"],
            vec!["2026-03-01T10:00:00.000000Z", "6.20", "0"],
            vec!["2026-03-01T10:00:01.000000Z", "6.25", "0"],
        ]
    );
    let json = output(&mut dev.cli(&["data", "query", &agent.client_id, "pressure", "--limit", "1", "-o", "json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["samples"][0]["value"], &json["next"]), (&"6.20".into(), &"2026-03-01T10:00:01.000000Z".into()));
    let points = output(&mut dev.cli(&["data", "points", &agent.client_id]));
    assert!(points.contains("pressure") && points.contains("6.25"), "{points}");
    let rejects = output(&mut dev.cli(&["agent", "rejects", &agent.client_id]));
    assert!(rejects.contains("BAD_TIMESTAMP") && rejects.contains("$.timeseries[2].timestamp"), "{rejects}");
    let shown = output(&mut dev.cli(&["agent", "show", &agent.client_id]));
    assert!(shown.contains("ONLINE") && shown.contains("values received"), "{shown}");
    let missing = failure(&mut dev.cli(&["agent", "show", "demo_nobody"]));
    assert!(missing.contains("no such agent"), "{missing}");
}

#[test]
fn tail_shows_what_comes() {
    use std::io::{BufRead, BufReader};
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    let mut client = Client::connect(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &Hello::v311(&agent.client_id));
    client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &samples(&[("x", "2026-03-01T10:00:00Z", "old")]), 1);
    let mut tail =
        dev.cli(&["data", "tail", &agent.client_id, "x"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "2026-03-01T10:00:00.000000Z  old  0");
    client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &samples(&[("x", "2026-03-01T10:00:05Z", "new")]), 2);
    assert_eq!(lines.next().unwrap().unwrap(), "2026-03-01T10:00:05.000000Z  new  0");
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn a_ca_is_uploaded_proven_and_its_agents_connect() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    crate::support::make_ca(folder.path(), "acme");
    output(&mut dev.cli(&["tenant", "create", "ACME"]));
    output(&mut dev.cli(&["tenant", "create", "acme"]));
    let added = output(&mut dev.cli(&["ca", "add", "--tenant", "acme", &path("acme.pem"), "-o", "json"]));
    let added: Value = serde_json::from_str(&added).unwrap();
    assert_eq!(added["status"], "PENDING_VERIFICATION");
    let (id, code) = (added["id"].as_str().unwrap(), added["registrationCode"].as_str().unwrap());

    // By hand, as the guides of the original do it: a version 1 certificate whose CN is the code.
    let wrong = |cn: &str, file: &str| {
        crate::support::openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            &format!("/CN={cn}"),
            "-keyout",
            &path("proof.key"),
            "-out",
            &path("proof.csr"),
        ]);
        crate::support::openssl(&[
            "x509",
            "-req",
            "-in",
            &path("proof.csr"),
            "-CA",
            &path("acme.pem"),
            "-CAkey",
            &path("acme.key"),
            "-CAcreateserial",
            "-days",
            "7",
            "-out",
            &path(file),
        ]);
    };
    wrong("0123456789abcdef0123456789abcdef", "wrong.pem");
    let words = failure(&mut dev.cli(&["ca", "verify", "--tenant", "acme", id, "--certificate", &path("wrong.pem")]));
    assert!(words.contains("registration code"), "{words}");
    wrong(code, "proof.pem");
    let verified = output(&mut dev.cli(&[
        "ca",
        "verify",
        "--tenant",
        "acme",
        id,
        "--certificate",
        &path("proof.pem"),
        "-o",
        "json",
    ]));
    assert_eq!(serde_json::from_str::<Value>(&verified).unwrap()["status"], "VERIFIED");
    failure(&mut dev.cli(&["ca", "verify", "--tenant", "acme", id, "--certificate", &path("proof.pem")]));

    let issued = output(
        Command::new(DINRAIL)
            .args(["agent", "issue", "--tenant", "acme", "--cn", "lathe", "--out", &path("agents")])
            .args(["--ca", &path("acme.pem"), "--ca-key", &path("acme.key")]),
    );
    assert!(issued.contains("mosquitto_pub") && issued.contains("acme_lathe") && issued.contains("paho"), "{issued}");
    let key = std::fs::metadata(folder.path().join("agents/lathe.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    let agent = crate::support::Agent {
        client_id: "acme_lathe".into(),
        certificate: folder.path().join("agents/lathe.pem"),
        key: folder.path().join("agents/lathe.key"),
    };
    Client::connect(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &Hello::v311("acme_lathe")).disconnect();
    let words = failure(&mut dev.cli(&["tenant", "create", "not-a-tenant"]));
    assert!(words.contains("letter"), "{words}");
}

#[test]
fn refused_connects_are_shown_with_their_hints() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let mut client = Client::start(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v311("demo_other")).unwrap();
    client.receive();
    let shown = wait_for("the record", || {
        let shown = output(&mut dev.cli(&["trace", "handshakes", "--search", "demo_other", "-o", "json"]));
        shown.contains("client id must be").then_some(shown)
    });
    assert!(shown.contains("client_id_mismatch"));
}

#[test]
fn the_lines_that_dev_prints_work_when_pasted() {
    use std::io::{BufRead, BufReader};
    let folder = folder();
    let mut dev = Command::new(DINRAIL);
    dev.args(["dev", "--fleet", "0", "--ports", "auto", "--data"]).arg(folder.path().join("it's a folder"));
    let mut dev = dev.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut text = String::new();
    for line in BufReader::new(dev.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("received") && line.contains("stored") {
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    let between = |start: &str, end: &str| {
        let from = text.find(start).unwrap_or_else(|| panic!("no {start} in\n{text}"));
        text[from..from + text[from..].find(end).unwrap()].to_owned()
    };
    let mut shell = Command::new("bash");
    output(shell.args(["-c", &between("mosquitto_pub", "\n\n")]));
    let python = between("import json", "\n\n");
    let paho = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients/paho-mqtt-2.1.0");
    output(Command::new("python3").args(["-c", &python]).env("PYTHONPATH", paho));
    let query = text.lines().find(|line| line.contains("data query")).unwrap();
    let table = output(Command::new("bash").args(["-c", query]));
    assert!(table.contains("6.25") && table.contains("6.31"), "{table}");
    dev.kill().unwrap();
    dev.wait().unwrap();
}
