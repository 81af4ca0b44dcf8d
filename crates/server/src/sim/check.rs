//! Is what was acknowledged there? Every acknowledged value of an agent is looked up over the API, by data point, time
//! and text; and the agent's ledger has to account for all of them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::agent::{Finished, Kept};
use super::source::{self, Walk};
use crate::client::{Client, ClientError, segment};

/// Agents that are checked where not all are asked for. They are drawn at random.
const AGENTS_MAX: usize = 100;

/// Messages that are remembered for a check, of all agents together; about 9 bytes each.
const MESSAGES_KEPT_MAX: usize = 50_000_000;

/// Samples in a page of the API.
const PAGE: usize = 10_000;

/// Missing values that a report names.
const EXAMPLES_MAX: usize = 10;

/// What to check with.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) client: Client,
    /// Every agent, however many.
    pub(crate) all: bool,
}

/// The agents that are checked.
pub(super) struct Checker {
    client: Client,
    /// Values in a message.
    values: u32,
    /// Agents of the fleet.
    fleet: usize,
    /// By client id: the number of the agent, and what its ledger had received before.
    chosen: BTreeMap<String, (u32, u64)>,
}

/// What a check has found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checked {
    /// Agents that were checked, out of all.
    agents: usize,
    of_agents: usize,
    /// Acknowledged values that were looked up.
    values: u64,
    /// Those that are not there, or not with the text that was sent.
    pub(crate) missing: u64,
    /// Acknowledged values that ledgers do not account for.
    pub(crate) ledger_missing: u64,
    /// Acknowledged values that were not looked up because there were too many to remember.
    not_looked_up: u64,
    /// The first of the missing.
    examples: Vec<Missing>,
    seconds: f64,
}

/// An acknowledged value that is not there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Missing {
    client_id: String,
    data_point_id: String,
    timestamp: String,
    sent: String,
    /// What is there at that time.
    found: Option<String>,
}

impl Checker {
    /// Draws the agents, and reads what they have sent before.
    pub(super) async fn begin(check: Check, client_ids: &[String], values: u32) -> Result<Checker, ClientError> {
        let Check { client, all } = check;
        let count = if all { client_ids.len() } else { client_ids.len().min(AGENTS_MAX) };
        let mut checker = Checker { client, values, fleet: client_ids.len(), chosen: BTreeMap::new() };
        for index in rand::seq::index::sample(&mut rand::rng(), client_ids.len(), count) {
            let client_id = &client_ids[index];
            let received = checker.received(client_id).await?;
            // There are fewer agents than u32 has numbers: each has a socket.
            checker.chosen.insert(client_id.clone(), (index as u32, received));
        }
        Ok(checker)
    }

    /// How many messages of this agent are to be remembered.
    pub(super) fn kept_max(&self, client_id: &str) -> usize {
        if self.chosen.contains_key(client_id) { MESSAGES_KEPT_MAX / self.chosen.len() } else { 0 }
    }

    /// Looks everything up.
    pub(super) async fn finish(&self, finished: &[Finished]) -> Result<Checked, ClientError> {
        let started = Instant::now();
        let mut checked = Checked { agents: self.chosen.len(), of_agents: self.fleet, ..Checked::default() };
        for Finished { client_id, kept } in finished {
            let Some((number, before)) = self.chosen.get(client_id) else { continue };
            let acknowledged = kept.acknowledged * u64::from(self.values);
            let received = self.received(client_id).await?.saturating_sub(*before);
            checked.ledger_missing += acknowledged.saturating_sub(received);
            let remembered = kept.is_acknowledged.iter().filter(|is_acknowledged| **is_acknowledged).count() as u64;
            checked.not_looked_up += acknowledged - remembered * u64::from(self.values);
            for data_point in 0..self.values {
                self.look_up(
                    client_id,
                    Walk::new(*number, data_point),
                    &source::data_point(data_point),
                    kept,
                    &mut checked,
                )
                .await?;
            }
        }
        checked.seconds = super::report::rounded(started.elapsed().as_secs_f64());
        Ok(checked)
    }

    async fn look_up(
        &self,
        client_id: &str,
        mut walk: Walk,
        data_point: &str,
        kept: &Kept,
        checked: &mut Checked,
    ) -> Result<(), ClientError> {
        let (Some(first_us), Some(last_us)) = (kept.times_us.first(), kept.times_us.last()) else { return Ok(()) };
        let mut stored = Stored {
            client: &self.client,
            path: format!("/agents/{}/datapoints/{}/samples?limit={PAGE}", segment(client_id), segment(data_point)),
            to_us: last_us.saturating_add(1),
            from: Some(ingest::format_time(*first_us)),
            page: VecDeque::new(),
        };
        for (time_us, is_acknowledged) in kept.times_us.iter().zip(&kept.is_acknowledged) {
            walk.step();
            if !is_acknowledged {
                continue;
            }
            let mut sent = Vec::new();
            walk.write(&mut sent);
            let found = stored.at(*time_us).await?;
            checked.values += 1;
            if found.as_ref().map(String::as_bytes) != Some(&sent[..]) {
                checked.missing += 1;
                if checked.examples.len() < EXAMPLES_MAX {
                    checked.examples.push(Missing {
                        client_id: client_id.to_owned(),
                        data_point_id: data_point.to_owned(),
                        timestamp: ingest::format_time(*time_us),
                        sent: String::from_utf8_lossy(&sent).into_owned(),
                        found,
                    });
                }
            }
        }
        Ok(())
    }

    /// Values that the agent's ledger has received; an agent that is not there has none.
    async fn received(&self, client_id: &str) -> Result<u64, ClientError> {
        let agent = found(self.client.get(&format!("/agents/{}", segment(client_id))).await)?;
        Ok(agent.and_then(|agent| agent.pointer("/ledger/received")?.as_u64()).unwrap_or(0))
    }
}

/// Samples of a data point, read page by page in the order of their times.
struct Stored<'a> {
    client: &'a Client,
    path: String,
    to_us: i64,
    /// Where the next page begins; none after the last.
    from: Option<String>,
    page: VecDeque<(i64, String)>,
}

impl Stored<'_> {
    /// The value at a time, which is later than the one asked for before.
    async fn at(&mut self, time_us: i64) -> Result<Option<String>, ClientError> {
        loop {
            match self.page.front() {
                Some((found_us, _)) if *found_us > time_us => return Ok(None),
                Some((found_us, _)) => {
                    let is_it = *found_us == time_us;
                    let value = self.page.pop_front().map(|(_, value)| value);
                    if is_it {
                        return Ok(value);
                    }
                }
                None => {
                    let Some(from) = self.from.take() else { return Ok(None) };
                    self.read(&from).await?;
                }
            }
        }
    }

    async fn read(&mut self, from: &str) -> Result<(), ClientError> {
        let to = ingest::format_time(self.to_us);
        let path = format!("{}&from={}&to={}", self.path, segment(from), segment(&to));
        let Some(page) = found(self.client.get(&path).await)? else { return Ok(()) };
        let samples = page["samples"].as_array().into_iter().flatten();
        self.page.extend(samples.filter_map(|sample| {
            let time_us = ingest::parse_time(sample["timestamp"].as_str()?).ok()?;
            Some((time_us, sample["value"].as_str()?.to_owned()))
        }));
        // A page that does not go on would be read for ever.
        self.from = page["next"].as_str().filter(|next| *next > from).map(str::to_owned);
        Ok(())
    }
}

/// What is not there is none.
fn found(answer: Result<Value, ClientError>) -> Result<Option<Value>, ClientError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ClientError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
