//! The simulator: what it reports is so, it outlives the server, and its check can fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Sender, channel};

use mqtt::{Ack, Connack, Packet, Properties, ReasonCode, Version};
use serde_json::Value;

use crate::support::{Api, DINRAIL, Dev, Serve, failure, folder, output, own_tenant, wait_for};

/// Bytes of the largest packet that the broker of a test takes.
const PACKET_SIZE_MAX: usize = 1 << 20;

fn sim(arguments: &[&str]) -> Command {
    let mut sim = Command::new(DINRAIL);
    sim.arg("sim").args(arguments).env_remove("DINRAIL_TOKEN");
    sim
}

/// `dinrail sim` beside a `dinrail dev`.
fn beside(dev: &Path, arguments: &[&str]) -> Command {
    let mut sim = sim(arguments);
    sim.arg("--dev").arg(dev).args(["-o", "json"]);
    sim
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|cause| panic!("{cause}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn count(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {report:#}"))
}

#[test]
fn a_fleet_onboards_publishes_and_finds_all_that_was_acknowledged() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let file = folder.path().join("report.json");
    let mut sim = beside(folder.path(), &["--agents", "4", "--rate", "50", "--values", "3", "--for", "500ms"]);
    let printed: Value = serde_json::from_str(&output(sim.arg("--report").arg(&file))).unwrap();
    let report: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(report, printed);

    assert_eq!((count(&report, "/connect/connected"), count(&report, "/connect/onboarded")), (4, 4));
    let acknowledged = count(&report, "/publish/acknowledged");
    assert!(acknowledged > 0);
    assert_eq!(count(&report, "/publish/sent"), acknowledged);
    assert_eq!(count(&report, "/publish/valuesAcknowledged"), 3 * acknowledged);
    assert_eq!(count(&report, "/check/values"), 3 * acknowledged);
    assert_eq!((count(&report, "/check/agents"), count(&report, "/check/missing")), (4, 0));
    assert_eq!(report["errors"].as_object().unwrap().len(), 0);
    for pointer in ["/connect/latencyUs/p50", "/publish/latencyUs/p999", "/publish/latencyUs/max"] {
        assert!(count(&report, pointer) > 0, "{pointer}");
    }
    for pointer in ["/connect/perSecond", "/publish/perSecond", "/cpu/ownSeconds"] {
        assert!(report.pointer(pointer).unwrap().is_number(), "{pointer}");
    }

    // The server says the same.
    let agents = dev.api().get("/agents");
    let stored: u64 = agents["agents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|agent| agent["clientId"].as_str().unwrap().contains("_sim-"))
        .map(|agent| count(agent, "/ledger/stored"))
        .sum();
    assert_eq!(stored, 3 * acknowledged);
}

#[test]
fn a_fleet_speaks_both_versions_every_qos_and_both_tls() {
    let folder = folder();
    let _dev = Dev::start(folder.path());
    for (version, qos, tls) in [("5", "2", "1.2"), ("3.1.1", "2", "1.3"), ("5", "1", "1.3"), ("3.1.1", "0", "1.2")] {
        let arguments = ["--agents", "2", "--rate", "0", "--window", "5", "--for", "200ms", "--persistent"];
        let mut sim = beside(folder.path(), &arguments);
        sim.args(["--version", version, "--qos", qos, "--tls", tls, "--subscribe", "own"]);
        let report: Value = serde_json::from_str(&output(&mut sim)).unwrap();
        assert_eq!(report["errors"].as_object().unwrap().len(), 0, "{report:#}");
        let (sent, acknowledged) = (count(&report, "/publish/sent"), count(&report, "/publish/acknowledged"));
        assert!(sent > 0);
        if qos == "0" {
            assert_eq!((acknowledged, &report["check"]), (0, &Value::Null));
        } else {
            assert_eq!((acknowledged, count(&report, "/check/values")), (sent, sent));
        }
    }
}

/// `dinrail serve` on the same ports at each start.
struct FixedServe {
    child: Child,
    config: PathBuf,
}

impl FixedServe {
    fn start(config: &Path) -> FixedServe {
        FixedServe { child: spawn(config), config: config.to_owned() }
    }

    /// Kills it as a power cut would end it, and starts it again.
    fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&self.config);
    }
}

impl Drop for FixedServe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(config: &Path) -> Child {
    let mut serve = Command::new(DINRAIL);
    serve.arg("serve").arg("--config").arg(config);
    serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn a_fleet_outlives_kill_9_of_the_server_and_nothing_acknowledged_is_missing() {
    let folder = folder();
    let host = "[[host]]\nname = \"localhost\"\nroles = [\"eu1\"]\n";
    let serve = Serve::start(folder.path(), host);
    let (_, (ca, ca_key)) = own_tenant(&serve, folder.path(), "acme", "press");
    let data = serve.data();
    serve.stop();

    let (mqtts, https) = (free_port(), free_port());
    let config = folder.path().join("fixed.toml");
    let listen = format!("[listen]\nmqtts = \"127.0.0.1:{mqtts}\"\nhttps = \"127.0.0.1:{https}\"\n");
    std::fs::write(&config, format!("[data]\nfolder = {data:?}\n{listen}{host}")).unwrap();
    let api = format!("unix:{}", data.join("dinrail.sock").display());
    let received = || {
        let mut list = Command::new(DINRAIL);
        let answer = list.args(["tenant", "show", "acme", "-o", "json", "--server", &api]).output().unwrap();
        serde_json::from_slice::<Value>(&answer.stdout).ok().map(|tenant| count(&tenant, "/ledger/received"))
    };

    let mut serve = FixedServe::start(&config);
    wait_for("the server", received);
    let mut sim = sim(&["--tenant", "acme", "--agents", "3", "--rate", "0", "--for", "1h", "-o", "json"]);
    sim.args(["--server", &format!("localhost:{mqtts}"), "--check", &api, "--check-all"]);
    sim.arg("--server-ca").arg(data.join("pki/server-ca.pem")).arg("--ca").arg(&ca).arg("--ca-key").arg(&ca_key);
    let sim = sim.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let wait_for_messages = || {
        let before = wait_for("the server", received);
        wait_for("messages", || received().filter(|now| *now > before));
    };
    for _ in 0..2 {
        wait_for_messages();
        serve.kill_and_start();
    }
    wait_for_messages();
    // Ctrl-C ends the run, and the report and the check come all the same.
    output(Command::new("kill").arg("-INT").arg(sim.id().to_string()));
    let ended = sim.wait_with_output().unwrap();
    let report = report(&ended);
    assert!(ended.status.success(), "{report:#}");
    assert!(count(&report, "/reconnects") >= 2, "{report:#}");
    assert!(count(&report, "/publish/resent") > 0, "{report:#}");
    let acknowledged = count(&report, "/publish/acknowledged");
    assert!(acknowledged > 0);
    assert_eq!((count(&report, "/check/values"), count(&report, "/check/missing")), (acknowledged, 0));
    assert_eq!(count(&report, "/check/ledgerMissing"), 0);
}

/// An API that forgets: it asks the real one, and leaves one sample out of each answer.
fn forgetful_api(api: Api) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let head: Vec<_> =
                stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let (status, mut answer) = api.call("GET", head[0].split(' ').nth(1).unwrap(), None);
            if let Some(samples) = answer["samples"].as_array_mut() {
                samples.pop();
            }
            let body = answer.to_string();
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn an_acknowledged_value_that_is_missing_is_named_and_the_exit_code_is_3() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let url = forgetful_api(dev.api());
    let mut sim = beside(folder.path(), &["--agents", "2", "--rate", "50", "--for", "200ms", "--check", &url]);
    let ended = sim.output().unwrap();
    let report = report(&ended);
    assert_eq!(ended.status.code(), Some(3), "{report:#}");
    assert_eq!((count(&report, "/check/missing"), count(&report, "/check/ledgerMissing")), (2, 0));
    let example = &report["check"]["examples"][0];
    let query = dev.api().get(&format!(
        "/agents/{}/datapoints/{}/samples?from={}&limit=1",
        example["clientId"].as_str().unwrap(),
        example["dataPointId"].as_str().unwrap(),
        example["timestamp"].as_str().unwrap(),
    ));
    assert_eq!(query["samples"][0]["value"], example["sent"], "the real one has it");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("2 acknowledged values are missing"));
}

#[test]
fn a_check_that_cannot_be_made_and_a_fleet_that_is_not_let_in_say_why() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let api = dev.json["api"]["url"].as_str().unwrap();
    let mut stranger = beside(folder.path(), &["--agents", "1", "--check", api, "--token", "wrong"]);
    assert!(failure(&mut stranger).contains("token"));

    let pki = folder.path().join("pki");
    let mut strange_ca = beside(folder.path(), &["--agents", "2", "--no-check"]);
    strange_ca.arg("--ca").arg(pki.join("server-ca.pem")).arg("--ca-key").arg(pki.join("server-ca.key"));
    let words = failure(&mut strange_ca);
    assert!(words.contains("none of 2 agents") && words.contains("connack_not_authorized"), "{words}");
    assert_eq!(strange_ca.stderr(Stdio::null()).status().unwrap().code(), Some(1));

    let nowhere = sim(&["--dev", "nowhere"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("--server"));
}

/// What a broker was told: client id, or topic, DUP and payload of a message.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Connect(String),
    Publish(String, bool, Vec<u8>),
}

/// Serves one plain connection; after `acknowledged` messages it answers nothing, and closes when the next has come.
fn serve_plain(mut stream: TcpStream, acknowledged: usize, told: &Sender<Told>) {
    let (mut input, mut chunk, mut count) = (Vec::new(), [0; 4096], 0);
    loop {
        let mut rest = &input[..];
        let packet = Packet::decode(Version::V311, mqtt::Sender::Client, PACKET_SIZE_MAX, &mut rest).unwrap();
        let answer = match packet {
            None => {
                let read = stream.read(&mut chunk).unwrap_or(0);
                if read == 0 {
                    return;
                }
                input.extend_from_slice(&chunk[..read]);
                continue;
            }
            Some(Packet::Connect(connect)) => {
                told.send(Told::Connect(connect.client_id.to_owned())).unwrap();
                let properties = Properties::default();
                Packet::Connack(Connack { session_present: false, reason: ReasonCode::Success, properties })
            }
            Some(Packet::Publish(publish)) => {
                told.send(Told::Publish(publish.topic.to_owned(), publish.dup, publish.payload.to_owned())).unwrap();
                count += 1;
                if count > acknowledged {
                    return;
                }
                Packet::Puback(Ack::new(publish.packet_id.unwrap(), ReasonCode::Success))
            }
            Some(_) => return,
        };
        let mut bytes = Vec::new();
        answer.encode(Version::V311, &mut bytes).unwrap();
        let taken = input.len() - rest.len();
        input.drain(..taken);
        let _ = stream.write_all(&bytes);
    }
}

#[test]
fn any_broker_will_do_and_what_it_did_not_acknowledge_is_sent_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let (sender, told) = channel();
    std::thread::spawn(move || {
        let (first, _) = listener.accept().unwrap();
        serve_plain(first, 1, &sender);
        let (second, _) = listener.accept().unwrap();
        serve_plain(second, usize::MAX, &sender);
    });
    let mut sim = sim(&["--server", &server, "--plain", "--agents", "1", "--rate", "20", "--for", "1s", "-o", "json"]);
    sim.args(["--raw", "64", "--client-id", "bench-{cn}", "--topic", "bench/{client_id}/x"]);
    let report: Value = serde_json::from_str(&output(&mut sim)).unwrap();

    let told: Vec<_> = told.iter().collect();
    let connect = || Told::Connect("bench-sim-00001".to_owned());
    let publish = |dup| Told::Publish("bench/bench-sim-00001/x".to_owned(), dup, vec![b'x'; 64]);
    let begin = [connect(), publish(false), publish(false), connect(), publish(true), publish(false)];
    assert_eq!(told[..begin.len()], begin);
    assert_eq!(count(&report, "/reconnects"), 1);
    assert_eq!(count(&report, "/publish/resent"), 1);
    assert_eq!(count(&report, "/errors/connection_lost/count"), 1);
    assert_eq!(count(&report, "/publish/sent"), count(&report, "/publish/acknowledged"));
    assert_eq!((&report["check"], &report["publish"]["valuesAcknowledged"]), (&Value::Null, &Value::Null));
}
