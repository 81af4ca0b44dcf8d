//! Unmodified clients onboard, publish and receive: both TLS versions, both ports.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::{Agent, Dev, PATIENCE, failure, folder, output, sample};

/// Folder of a release of paho-mqtt that `cargo xtask clients` installed.
fn paho(version: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients");
    let folder = target.join(format!("paho-mqtt-{version}"));
    assert!(folder.exists(), "{} is not there; run `cargo xtask clients`", folder.display());
    folder
}

/// Publishes with mosquitto_pub; the first connect of a new agent is closed, so that the second one has to do.
fn publish(dev: &Dev, agent: &Agent, port: u16, arguments: &[&str], value: &str) {
    let mut command = agent.mosquitto("mosquitto_pub", port, &dev.server_ca());
    let message = sample("pressure", "2026-03-01T10:00:00.000Z", value);
    command.args(arguments).args(["-t", &agent.outbound("mc_v3/ts"), "-m", &message]);
    output(&mut command);
}

fn onboard(dev: &Dev, agent: &Agent) {
    failure(agent.mosquitto("mosquitto_pub", dev.mqtts(), &dev.server_ca()).args([
        "-t",
        &agent.outbound("mc_v3/ts"),
        "-n",
    ]));
}

#[test]
fn mosquitto_pub_publishes_over_both_tls_versions_and_both_ports() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    onboard(&dev, &agent);
    let alpn = ["--tls-alpn", "x-amzn-mqtt-ca"];
    publish(&dev, &agent, dev.mqtts(), &["--tls-version", "tlsv1.2"], "12");
    assert_eq!(dev.api().values(&agent.client_id, "pressure"), ["12"]);
    publish(&dev, &agent, dev.mqtts(), &["--tls-version", "tlsv1.3", "-V", "mqttv5"], "13.0");
    assert_eq!(dev.api().values(&agent.client_id, "pressure"), ["13.0"]);
    publish(&dev, &agent, dev.https(), &[&alpn[..], &["--tls-version", "tlsv1.2"]].concat(), "443.12");
    publish(&dev, &agent, dev.https(), &[&alpn[..], &["--tls-version", "tlsv1.3"]].concat(), "443.13");
    assert_eq!(dev.api().values(&agent.client_id, "pressure"), ["443.13"]);
}

#[test]
fn mosquitto_sub_receives_what_is_sent_to_the_agent_and_what_it_missed() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    onboard(&dev, &agent);
    for version in ["mqttv311", "mqttv5"] {
        let mut subscribe = agent.mosquitto("mosquitto_sub", dev.mqtts(), &dev.server_ca());
        subscribe.args(["-V", version, "-c", "-t", &agent.inbound("#"), "-C", "1", "-W", "20", "-F", "%t %q %p"]);
        if version == "mqttv5" {
            subscribe.args(["-x", "3600"]);
        }
        let mut child = subscribe.stdout(Stdio::piped()).spawn().unwrap();
        crate::support::wait_for("the subscriber", || {
            (dev.api().get(&format!("/agents/{}", agent.client_id))["state"] == "ONLINE").then_some(())
        });
        // The subscription follows the connection; until it is there, nothing is reached.
        crate::support::wait_for("the subscription", || {
            let output =
                dev.cli(&["agent", "send", &agent.client_id, "cmd_v3/c", version, "-o", "json"]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).contains("\"sessions\": 1").then_some(())
        });
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        assert_eq!(line, format!("{} 1 {version}", agent.inbound("cmd_v3/c")));
        assert!(child.wait().unwrap().success());

        output(&mut dev.cli(&["agent", "send", &agent.client_id, "cmd_v3/c", "missed"]));
        let mut again = agent.mosquitto("mosquitto_sub", dev.mqtts(), &dev.server_ca());
        again.args(["-V", version, "-c", "-t", &agent.inbound("#"), "-C", "1", "-W", "20", "-F", "%p"]);
        if version == "mqttv5" {
            again.args(["-x", "3600"]);
        }
        assert_eq!(output(&mut again).trim(), "missed", "{version}");
    }
}

/// Onboards, publishes at QoS 1, receives the diagnostics of a bad value, over the port and TLS version given.
const PAHO: &str = r#"
import json, ssl, sys, time
import paho.mqtt.client as mqtt
host, port, alpn, tls, ca, cert, key, tenant, client_id, value = sys.argv[1:]
try:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, client_id=client_id, clean_session=False)
except AttributeError:
    client = mqtt.Client(client_id=client_id, clean_session=False)
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, tls)
if alpn:
    context.set_alpn_protocols([alpn])
client.tls_set_context(context)
received, connected = [], []
def on_connect(client, userdata, flags, rc):
    connected.append(rc)
    client.subscribe(f"tc/{tenant}/{client_id}/i/mc_v3/d", 1)
subscribed = []
client.on_connect = on_connect
client.on_subscribe = lambda *arguments: subscribed.append(True)
client.on_message = lambda client, userdata, message: received.append(json.loads(message.payload))
client.reconnect_delay_set(1, 1)
client.connect_async(host, int(port), 60)
client.loop_start()
deadline = time.time() + 20
def wait(what, name):
    while not what():
        assert time.time() < deadline, name
        time.sleep(0.02)
wait(lambda: subscribed, "subscription")
assert connected == [0], connected
topic = f"tc/{tenant}/{client_id}/o/mc_v3/ts"
rows = [{"dataPointId": "speed", "value": value, "qualityCode": "0"}, {"dataPointId": "bad", "value": None, "qualityCode": "0"}]
info = client.publish(topic, json.dumps({"timeseries": [{"timestamp": "2026-03-01T10:00:00Z", "values": rows}]}), qos=1)
info.wait_for_publish()
assert info.is_published()
wait(lambda: received, "diagnostics")
entry = received[0]["data"]["entries"][0]
print(entry["code"], entry["path"], entry["dataPointId"])
client.disconnect()
client.loop_stop()
"#;

fn run_paho(version: &str) {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let ca = dev.server_ca();
    let ways = [
        (dev.mqtts(), "", "TLSv1_2"),
        (dev.mqtts(), "", "TLSv1_3"),
        (dev.https(), "x-amzn-mqtt-ca", "TLSv1_2"),
        (dev.https(), "x-amzn-mqtt-ca", "TLSv1_3"),
    ];
    let agent = dev.agent(0);
    let started = Instant::now();
    for (index, (port, alpn, tls)) in ways.into_iter().enumerate() {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", paho(version)).args([
            "-W",
            "ignore",
            "-c",
            PAHO,
            "localhost",
            &port.to_string(),
            alpn,
            tls,
        ]);
        python.arg(&ca).arg(&agent.certificate).arg(&agent.key).args([
            agent.tenant(),
            &agent.client_id,
            &index.to_string(),
        ]);
        let text = output(&mut python);
        assert_eq!(text.trim(), "BAD_VALUE $.timeseries[0].values[1].value bad", "{port} {alpn} {tls}");
        assert_eq!(dev.api().values(&agent.client_id, "speed"), [index.to_string()]);
    }
    assert!(started.elapsed() < PATIENCE * 2);
}

#[test]
fn the_example_publishes_hears_the_verdict_and_reads_back() {
    let folder = folder();
    let _dev = Dev::start(folder.path());
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/publish.py");
    let mut python = Command::new("python3");
    let text = output(python.arg(example).arg(folder.path().join("dev.json")).env("PYTHONPATH", paho("2.1.0")));
    assert!(text.contains("published: Success"), "{text}");
    assert!(text.contains("'value': '6.20'"), "{text}");
}

#[test]
fn paho_mqtt_1_6_onboards_by_its_own_reconnect_and_publishes() {
    run_paho("1.6.1");
}

#[test]
fn paho_mqtt_2_onboards_by_its_own_reconnect_and_publishes() {
    run_paho("2.1.0");
}
