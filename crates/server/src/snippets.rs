//! Lines to paste that make an agent connect and publish.

use std::path::Path;

/// What the lines name.
#[derive(Debug)]
pub(crate) struct Paste<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) server_ca: &'a Path,
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
    pub(crate) tenant: &'a str,
    pub(crate) client_id: &'a str,
}

impl Paste<'_> {
    /// For a shell, with the client of the mosquitto project.
    pub(crate) fn mosquitto_pub(&self) -> String {
        let Paste { host, port, tenant, client_id, .. } = self;
        format!(
            "mosquitto_pub -h {host} -p {port} --cafile {} --cert {} --key {} -i {client_id} -q 1 \\\n  \
             -t tc/{tenant}/{client_id}/o/mc_v3/ts \\\n  \
             -m '{{\"timeseries\":[{{\"timestamp\":\"'$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)'\",\"values\":[{{\"dataPointId\":\"pressure\",\"value\":\"6.25\",\"qualityCode\":\"0\"}}]}}]}}'",
            quoted(self.server_ca),
            quoted(self.certificate),
            quoted(self.key),
        )
    }

    /// For Python, with paho-mqtt 2.
    pub(crate) fn paho(&self) -> String {
        let Paste { host, port, tenant, client_id, server_ca, certificate, key } = self;
        format!(
            r#"import json, datetime, paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="{client_id}")
client.tls_set({server_ca:?}, certfile={certificate:?}, keyfile={key:?})
client.connect("{host}", {port})
client.loop_start()
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
values = [{{"dataPointId": "pressure", "value": "6.31", "qualityCode": "0"}}]
message = json.dumps({{"timeseries": [{{"timestamp": now, "values": values}}]}})
client.publish("tc/{tenant}/{client_id}/o/mc_v3/ts", message, qos=1).wait_for_publish(10)
client.disconnect()"#
        )
    }
}

/// A path as one word of a shell.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
