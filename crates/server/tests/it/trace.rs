//! Watching one client: every packet and verdict, from its first connect on.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::support::{Client, Dev, Hello, Way, failure, folder, output, sample};

/// `dinrail trace agent --follow`, line by line.
struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn start(dev: &Dev, client_id: &str, arguments: &[&str]) -> Follower {
        let mut command = dev.cli(&["trace", "agent", client_id, "--follow", "-o", "json"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Follower { child, lines }
    }

    fn next(&mut self) -> (String, String, Value) {
        let line: Value = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (format!("{} {}", text("direction"), text("what")), text("detail"), line)
    }

    /// Skips lines until one of this kind comes; gives its detail.
    fn wait_for(&mut self, what: &str) -> String {
        loop {
            let (found, detail, _) = self.next();
            if found == what {
                return detail;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects until the watch is there: it begins a moment after its program.
fn connect_until_seen(dev: &Dev, follower: &mut Follower, hello: &Hello<'_>) -> Client {
    let agent = dev.agent(0);
    let (ca, stop) = (dev.server_ca(), std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        let knocking = scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = Client::start(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v5("demo_nobody-else"))
                    .unwrap()
                    .receive();
                let _ =
                    Client::start(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v5(hello.client_id)).unwrap().receive();
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        });
        follower.wait_for("in CONNECT");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        knocking.join().unwrap();
    });
    Client::connect(&Way::new(dev.mqtts(), &ca, &agent), hello)
}

#[test]
fn every_packet_and_verdict_is_shown_and_payloads_only_when_asked_for() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    let mut follower = Follower::start(&dev, &agent.client_id, &[]);
    let mut client = connect_until_seen(&dev, &mut follower, &Hello::v5(&agent.client_id));
    client.subscribe(&[&agent.inbound("#"), "#"], 1);
    assert!(follower.wait_for("in SUBSCRIBE").contains("/i/# at QoS 1, # at QoS 1"));
    assert!(follower.wait_for("out SUBACK").contains("[GrantedQoS1, NotAuthorized]"));
    client.publish(&agent.outbound("mc_v3/ts"), &sample("x", "never", "1"), 1, Some(7));
    let (what, detail, line) = loop {
        let (what, detail, line) = follower.next();
        if what == "in PUBLISH" {
            break (what, detail, line);
        }
    };
    assert!(detail.contains("mc_v3/ts at QoS 1, id 7, ") && detail.ends_with("bytes"), "{what} {detail}");
    assert!(line.get("payload").is_none());
    assert!(follower.wait_for("note verdict").contains("BAD_TIMESTAMP"));
    drop(client);
    assert!(follower.wait_for("note closed").starts_with("network: "));
    drop(follower);

    let mut curious = Follower::start(&dev, &agent.client_id, &["--payloads"]);
    let mut client = connect_until_seen(&dev, &mut curious, &Hello::v5(&agent.client_id));
    client.publish(&agent.outbound("mc_v3/ts"), &sample("x", "2026-03-01T10:00:00Z", "42"), 0, None);
    loop {
        let (what, _, line) = curious.next();
        if what == "in PUBLISH" {
            assert!(line["payload"].as_str().unwrap().contains("\"42\""));
            break;
        }
    }
}

#[test]
fn without_follow_what_was_refused_of_the_client_is_shown() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let mut client = Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v5(&agent.client_id));
    client.publish_acknowledged(&agent.outbound("mc_v3/ts"), "rubbish", 1);
    let shown = output(&mut dev.cli(&["trace", "agent", &agent.client_id]));
    assert!(shown.contains("BAD_PAYLOAD"), "{shown}");
    let foreign = dev.api().token("demo", "reader");
    let url = dev.json["api"]["url"].as_str().unwrap().to_owned();
    let mut other = dev.cli(&["trace", "agent", "other_press", "--follow"]);
    assert!(failure(other.env("DINRAIL_SERVER", url).env("DINRAIL_TOKEN", foreign)).contains("no such agent"));
}
