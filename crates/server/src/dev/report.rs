//! What dev tells: once for programs, once for people, and then a line a second.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tenant::Ledger;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::agents::IssuedAgent;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::output;
use crate::server::Server;
use crate::snippets::{Paste, quoted};

/// A server that has all that dev makes.
pub(super) struct Started<'a> {
    pub(super) server: &'a Server,
    pub(super) tenant: &'a str,
    pub(super) token: &'a str,
    pub(super) hello: &'a IssuedAgent,
    pub(super) fresh: &'a [IssuedAgent],
}

impl Started<'_> {
    /// Writes dev.json, for programs.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let addresses = &self.server.addresses;
        let agents: Vec<_> = self
            .fresh
            .iter()
            .map(|agent| json!({"client_id": agent.client_id, "cert": agent.certificate, "key": agent.key}))
            .collect();
        let text = json!({
            "tenant": self.tenant,
            "mqtts": {"host": "localhost", "port": addresses.mqtts.port()},
            "https": {"host": "localhost", "port": addresses.https.port()},
            "api": {"url": self.url(), "token": self.token},
            "server_ca": self.server.server_ca,
            "agents": agents,
        });
        output::write_whole(path, &format!("{text:#}\n")).map_err(|cause| Failure::file(path, cause))
    }

    /// Prints what a person needs.
    pub(super) fn print(&self, fleet: usize) {
        let Started { server, tenant, hello, .. } = self;
        let paste = Paste {
            host: "localhost",
            port: server.addresses.mqtts.port(),
            server_ca: &server.server_ca,
            certificate: &hello.certificate,
            key: &hello.key,
            tenant,
            client_id: &hello.client_id,
        };
        let socket = quoted(&server.addresses.socket);
        let program = std::env::current_exe().map_or_else(|_| "dinrail".to_owned(), |path| quoted(&path));
        output::print(&format!(
            "dinrail dev: tenant {tenant}, {fleet} agents of its own publish once a second\n\n\
             MQTT over TLS  localhost:{}   (and localhost:{} with ALPN x-amzn-mqtt-ca)\n\
             API            {}   (token in operator.token)\n\
             server CA      {}\n\
             certificate    {}\n\
             key            {}\n\n\
             Publish a value as agent {}, which is onboarded:\n\n{}\n\n\
             The same with paho-mqtt 2 (pip install paho-mqtt):\n\n{}\n\n\
             Read it back:\n\n\
             {program} data query {} pressure --server unix:{socket}\n",
            server.addresses.mqtts.port(),
            server.addresses.https.port(),
            self.url(),
            server.server_ca.display(),
            hello.certificate.display(),
            hello.key.display(),
            hello.client_id,
            paste.mosquitto_pub(),
            paste.paho(),
            hello.client_id,
        ));
    }

    fn url(&self) -> String {
        self.server.addresses.http.map_or_else(String::new, |address| format!("http://127.0.0.1:{}", address.port()))
    }
}

/// Prints what became of the values of each second, until `stop`.
pub(super) async fn every_second(engine: Arc<Engine>, stop: CancellationToken) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before = total(&engine);
    while stop.run_until_cancelled(second.tick()).await.is_some() {
        let now = total(&engine);
        let gained = |of: fn(&Ledger) -> u64| of(&now).saturating_sub(of(&before));
        output::print(&format!(
            "{}  received {:>6}  stored {:>6}  duplicate {:>4}  parked {:>4}  rejected {:>4}  connected {:>5}",
            &ingest::format_time(crate::clock::now_us())[11..19],
            gained(Ledger::received),
            gained(|ledger| ledger.stored),
            gained(|ledger| ledger.duplicate),
            gained(|ledger| ledger.parked),
            gained(|ledger| ledger.rejected),
            engine.tenants().iter().map(|slot| slot.live_count()).sum::<usize>(),
        ));
        before = now;
    }
}

fn total(engine: &Engine) -> Ledger {
    let mut sum = Ledger::default();
    engine.tenants().iter().for_each(|slot| sum.add(slot.state().ledger()));
    sum
}
