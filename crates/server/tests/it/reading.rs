//! Reading samples back: ranges, order, pages, buckets, exact text.

use serde_json::Value;

use crate::support::{Agent, Client, Dev, Hello, Way, folder, samples};

struct Series {
    _folder: tempfile::TempDir,
    dev: Dev,
    agent: Agent,
}

impl Series {
    /// A series of (seconds after ten o'clock, value), published in that order.
    fn new(rows: &[(u32, &str)]) -> Series {
        let folder = folder();
        let dev = Dev::start(folder.path());
        let agent = dev.agent(0);
        let mut client =
            Client::connect(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &Hello::v311(&agent.client_id));
        for (packet_id, chunk) in (1..).zip(rows.chunks(500)) {
            let times: Vec<_> = chunk.iter().map(|(second, _)| at(*second)).collect();
            let rows: Vec<_> =
                chunk.iter().zip(&times).map(|((_, value), time)| ("a/b c", time.as_str(), *value)).collect();
            client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &samples(&rows), packet_id);
        }
        Series { _folder: folder, dev, agent }
    }

    fn query(&self, query: &str) -> Value {
        self.dev.api().get(&format!("/agents/{}/datapoints/a%2Fb%20c/samples?{query}", self.agent.client_id))
    }

    fn values(&self, query: &str) -> Vec<String> {
        let answer = self.query(query);
        answer["samples"]
            .as_array()
            .unwrap()
            .iter()
            .map(|sample| sample["value"].as_str().unwrap().to_owned())
            .collect()
    }

    fn refusal(&self, query: &str) -> String {
        let path = format!("/api/dinrail/v1/agents/{}/datapoints/a%2Fb%20c/samples?{query}", self.agent.client_id);
        let (status, answer) = self.dev.api().call("GET", &path, None);
        assert_eq!(status, 400, "{query}: {answer}");
        assert!(answer["type"].is_string() && answer["trackingId"].is_string(), "{answer}");
        answer["detail"].as_str().unwrap().to_owned()
    }
}

fn at(second: u32) -> String {
    format!("2026-03-01T{:02}:{:02}:{:02}.000000Z", 10 + second / 3600, second / 60 % 60, second % 60)
}

#[test]
fn values_come_back_in_the_exact_text_they_were_sent_in() {
    let texts = [
        "1.50",
        "1.5",
        "-0",
        "007",
        "1e400",
        "",
        "NaN",
        "true",
        "9223372036854775808",
        "0.10",
        "curve 1,2,3",
        "-12.000",
    ];
    let rows: Vec<_> = (0..).zip(texts).collect();
    let series = Series::new(&rows);
    assert_eq!(series.values(""), texts);
}

#[test]
fn a_range_has_its_start_and_not_its_end() {
    let series = Series::new(&[(0, "0"), (1, "1"), (2, "2"), (3, "3")]);
    assert_eq!(series.values(&format!("from={}&to={}", at(1), at(3))), ["1", "2"]);
    assert_eq!(series.values("from=2026-03-01T11:00:02%2B01:00"), ["2", "3"], "an offset is converted");
    assert_eq!(series.values("order=desc&limit=2"), ["3", "2"]);
    assert_eq!(series.query("limit=1")["samples"][0]["timestamp"], at(0));
}

#[test]
fn pages_meet_each_sample_once_in_both_orders() {
    // More than a head holds, so that part of it is sealed.
    let texts: Vec<_> = (0..1500_u32).map(|number| number.to_string()).collect();
    let rows: Vec<_> = (0..).zip(texts.iter().map(String::as_str)).collect();
    let series = Series::new(&rows);
    let mut ascending = Vec::new();
    let mut from = String::new();
    loop {
        let page = series.query(&format!("limit=400{from}"));
        ascending.extend(
            page["samples"].as_array().unwrap().iter().map(|sample| sample["value"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        from = format!("&from={next}");
    }
    assert_eq!(ascending, texts);
    let mut descending = Vec::new();
    let mut to = String::new();
    loop {
        let page = series.query(&format!("order=desc&limit=700{to}"));
        descending.extend(
            page["samples"].as_array().unwrap().iter().map(|sample| sample["value"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        to = format!("&to={next}");
    }
    descending.reverse();
    assert_eq!(descending, texts);
}

#[test]
fn buckets_are_reduced_by_each_function() {
    let series = Series::new(&[(0, "2"), (10, "4.0"), (59, "text"), (60, "10"), (119, "-5"), (180, "1")]);
    assert_eq!(series.values("every=60s&fn=min"), ["2", "-5", "1"]);
    assert_eq!(series.values("every=1m&fn=max"), ["4.0", "10", "1"]);
    assert_eq!(series.values("every=60s&fn=mean"), ["3.0", "2.5", "1.0"]);
    assert_eq!(series.values("every=60s&fn=last"), ["text", "-5", "1"]);
    assert_eq!(series.values("every=60s&fn=count"), ["3", "2", "1"]);
    let answer = series.query("every=60s&fn=count&limit=1&order=desc");
    assert_eq!((&answer["samples"][0]["timestamp"], &answer["samples"][0]["value"]), (&at(180).into(), &"1".into()));
    let next = answer["next"].as_str().unwrap();
    assert_eq!(
        series.values(&format!("every=60s&fn=count&limit=1&order=desc&to={next}")),
        ["2"],
        "the next bucket is whole"
    );
}

#[test]
fn a_wrong_query_is_told_what_is_wrong() {
    let series = Series::new(&[(0, "1")]);
    assert!(series.refusal("from=yesterday").contains("from"));
    assert!(series.refusal("limit=10001").contains("10000"));
    assert!(series.refusal("limit=0").contains("limit"));
    assert!(series.refusal("every=60s").contains("fn"));
    assert!(series.refusal("fn=mean").contains("every"));
    assert!(series.refusal("every=0s&fn=mean").contains("every"));
    assert!(series.refusal("every=60s&fn=median").contains("fn"));
    assert!(series.refusal("order=up").contains("order"));
    assert!(series.refusal("form=2026-03-01T10:00:00Z").contains("form"), "an unknown parameter is named");
    let missing = format!("/api/dinrail/v1/agents/{}/datapoints/none/samples", series.agent.client_id);
    assert_eq!(series.dev.api().call("GET", &missing, None).0, 404);
}

#[test]
fn lists_of_agents_and_sessions_come_in_pages() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let server_ca = dev.server_ca();
    let agents = [dev.agent(0), dev.agent(1)];
    // A clean session lasts as long as its connection.
    let _clients = agents
        .each_ref()
        .map(|agent| Client::connect(&Way::new(dev.mqtts(), &server_ca, agent), &Hello::v311(&agent.client_id)));
    let mut expected = agents.map(|agent| agent.client_id);
    expected.sort();
    for list in ["agents", "sessions"] {
        let ids = |page: &Value| {
            let rows = page[list].as_array().unwrap().iter();
            rows.map(|row| row["clientId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        // Dev's own agent `demo_hello` stands before.
        let first = dev.api().get(&format!("/{list}?limit=1&after=demo_press"));
        let after = first["next"].as_str().unwrap();
        let second = dev.api().get(&format!("/{list}?limit=1&after={after}"));
        assert_eq!([ids(&first), ids(&second)].concat(), expected, "{list}");
        assert!(second["next"].is_null(), "{list}: the last page names no next");
        assert!(
            dev.api().get(&format!("/{list}?limit=2&after=demo_press"))["next"].is_null(),
            "{list}: a full last page names none"
        );
        let (status, answer) = dev.api().call("GET", &format!("/api/dinrail/v1/{list}?limit=0"), None);
        assert_eq!(status, 400, "{list}: {answer}");
    }
}
