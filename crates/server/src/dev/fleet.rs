//! The built-in fleet: agents of the simulator that connect to dev's own port like any other, over TLS and with a
//! certificate.

use std::sync::Arc;
use std::time::Duration;

use mqtt::{QoS, Version};
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::agents::IssuedAgent;
use crate::door::{self, Files};
use crate::failure::Failure;
use crate::server::Server;
use crate::sim::{Agent, Behaviour, Endpoint, Gate, Profile, Shared, Source, Tls};

/// How often each agent publishes.
const PERIOD: Duration = Duration::from_secs(1);

/// Agents that want to connect to dev's own server.
pub(super) struct Fleet {
    tls: Tls,
    shared: Arc<Shared>,
}

impl Fleet {
    pub(super) fn new(server: &Server) -> Result<Fleet, Failure> {
        let name = ServerName::try_from("localhost").map_err(super::usage)?;
        let behaviour =
            Behaviour { version: Version::V311, qos: QoS::AtLeastOnce, window: 1, period: Some(PERIOD), clean: true };
        // They may publish as soon as they are connected.
        let go = CancellationToken::new();
        go.cancel();
        let endpoint = Arc::new(Endpoint { addresses: vec![server.addresses.mqtts], name });
        let shared = Shared::new(endpoint, behaviour, Arc::new(Gate::new(0.0)), [go, server.stop_token()]);
        Ok(Fleet { tls: Tls::new(&server.server_ca, rustls::ALL_VERSIONS, None)?, shared: Arc::new(shared) })
    }

    /// Connects an agent until it is onboarded, and disconnects it.
    pub(super) async fn onboard(&self, agent: &IssuedAgent) -> Result<(), Failure> {
        self.agent(agent)?.onboard().await.map_err(|cause| {
            Failure::Usage(format!("the agent {} cannot connect to its own server: {cause}", agent.client_id))
        })
    }

    /// Lets an agent publish once a period, until the server stops.
    pub(super) fn run(&self, server: &Server, agent: &IssuedAgent) -> Result<(), Failure> {
        server.control().spawn(self.agent(agent)?.run());
        Ok(())
    }

    fn agent(&self, agent: &IssuedAgent) -> Result<Agent, Failure> {
        let files = Files { certificate: agent.certificate.clone(), key: agent.key.clone() };
        let key = files.load(&door::provider()).map_err(super::usage)?;
        let profile = Profile {
            topic: format!("tc/{}/{}/o/mc_v3/ts", super::TENANT, agent.client_id),
            filter: None,
            tls: Some(self.tls.with(key)),
            source: Box::new(Machine),
            offset: 0.0,
            kept_max: 0,
            client_id: agent.client_id.clone(),
        };
        Ok(Agent::new(profile, self.shared.clone()))
    }
}

/// A machine that warms up and cools down within a minute, and a counter of its strokes.
struct Machine;

impl Source for Machine {
    fn write(&mut self, now_us: i64, out: &mut Vec<u8>) -> i64 {
        let minute = (now_us / 1_000_000 % 60) as f64 / 60.0;
        let temperature = 60.0 + 15.0 * (minute * std::f64::consts::TAU).sin();
        let value = |name: &str, value: String| json!({"dataPointId": name, "value": value, "qualityCode": "0"});
        let values = [
            value("temperature", format!("{temperature:.2}")),
            value("strokes", (now_us / 1_000_000).to_string()),
            value("state", if minute < 0.9 { "RUN" } else { "IDLE" }.to_owned()),
        ];
        let message = json!({"timeseries": [{"timestamp": ingest::format_time(now_us), "values": values}]});
        out.extend_from_slice(message.to_string().as_bytes());
        now_us
    }
}
