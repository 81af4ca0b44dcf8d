//! Reading a series back.

use std::ops::Range;

use axum::extract::State;
use identity::Action;
use serde::{Deserialize, Serialize};
use store::{Aggregate, Order, SeriesQuery};
use tenant::Sample;
use utoipa::{IntoParams, ToSchema};

use super::{Api, Caller, Json, Path, Problem, Query, blocking, page};

/// Which samples.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct SamplesQuery {
    /// First time, RFC 3339; from the first sample by default.
    from: Option<String>,
    /// Time after the last one, RFC 3339; to the last sample by default.
    to: Option<String>,
    /// Samples in the page, 1000 by default, at most 10000.
    limit: Option<usize>,
    /// `asc` (by default) or `desc`.
    order: Option<String>,
    /// Width of a bucket, as `500ms`, `60s`, `5m`, `1h`, `1d`; with `fn`. Buckets begin at whole multiples of it, and hold what
    /// lies within `from` and `to`.
    every: Option<String>,
    /// `min`, `max`, `mean`, `last` or `count` of each bucket; with `every`.
    #[serde(rename = "fn")]
    function: Option<String>,
}

/// A page of samples.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleList {
    samples: Vec<SampleBody>,
    /// `from` of the next page (with `order=desc`: `to`), where there is one.
    next: Option<String>,
}

/// A sample, or the value of a bucket at the bucket's begin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleBody {
    /// RFC 3339 in microseconds, UTC.
    timestamp: String,
    /// The exact text that was sent.
    value: String,
    /// The quality code; 0 is good.
    quality: i64,
}

impl From<&Sample> for SampleBody {
    fn from(sample: &Sample) -> SampleBody {
        SampleBody {
            timestamp: ingest::format_time(sample.time_us),
            value: sample.value.to_string(),
            quality: sample.quality,
        }
    }
}

/// Reads samples of a data point: from <= time < to.
#[utoipa::path(get, path = "/api/dinrail/v1/agents/{clientId}/datapoints/{dataPointId}/samples", tag = "data",
    params(("clientId" = String, Path, description = "MQTT client id"), ("dataPointId" = String, Path, description = "Data point"), SamplesQuery),
    responses((status = 200, body = SampleList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn samples(
    State(api): State<Api>,
    caller: Caller,
    Path((client_id, data_point)): Path<(String, String)>,
    Query(query): Query<SamplesQuery>,
) -> Result<Json<SampleList>, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ReadData)?;
    let request = Request::parse(&query)?;
    // The head first, then SQL: a chunk that moves from one to the other in between is met twice, never missed.
    let unwritten = {
        let state = slot.state();
        let agent = state.agent(client_id.as_str()).ok_or_else(Problem::no_such_agent)?;
        if !agent.series().contains_key(&data_point) {
            return Err(Problem::not_found("The agent has sent no such data point."));
        }
        state.unwritten(client_id.as_str(), &data_point, &request.range)
    };
    let store = api.engine.store().clone();
    let Request { limit, order, .. } = request;
    // `to` of the next page is exclusive, and must not cut a bucket.
    let width_us = request.buckets.map_or(1, |(every_us, _)| every_us);
    let mut samples = blocking(move || {
        let series = SeriesQuery {
            tenant: slot.id.as_str(),
            agent: client_id.as_str(),
            data_point: &data_point,
            range: request.range,
        };
        match request.buckets {
            // One more than asked for tells whether there is a next page.
            None => store.samples(&series, &unwritten, limit + 1, order),
            Some((every_us, aggregate)) => store.downsample(&series, &unwritten, every_us, aggregate, limit + 1, order),
        }
    })
    .await?;
    let after = samples.get(limit).map(|sample| sample.time_us);
    samples.truncate(limit);
    let next = match order {
        Order::Ascending => after,
        Order::Descending => after.map(|time_us| time_us.saturating_add(width_us)),
    };
    Ok(Json(SampleList {
        samples: samples.iter().map(SampleBody::from).collect(),
        next: next.map(ingest::format_time),
    }))
}

/// A query whose every part is valid.
struct Request {
    range: Range<i64>,
    limit: usize,
    order: Order,
    buckets: Option<(i64, Aggregate)>,
}

impl Request {
    fn parse(query: &SamplesQuery) -> Result<Request, Problem> {
        let from = query.from.as_deref().map(|text| time("from", text)).transpose()?.unwrap_or(i64::MIN);
        let to = query.to.as_deref().map(|text| time("to", text)).transpose()?.unwrap_or(i64::MAX);
        let limit = page::limit(query.limit)?;
        let order = match query.order.as_deref() {
            None | Some("asc") => Order::Ascending,
            Some("desc") => Order::Descending,
            Some(_) => return Err(Problem::parameter("order", "order is asc or desc.")),
        };
        let buckets = match (&query.every, &query.function) {
            (None, None) => None,
            (Some(every), Some(function)) => Some((duration_us(every)?, aggregate(function)?)),
            (Some(_), None) => return Err(Problem::parameter("fn", "every needs fn=min|max|mean|last|count.")),
            (None, Some(_)) => return Err(Problem::parameter("every", "fn needs every, as every=60s.")),
        };
        Ok(Request { range: from..to.max(from), limit, order, buckets })
    }
}

fn time(name: &str, text: &str) -> Result<i64, Problem> {
    // A `+` of an offset that was not percent-encoded arrives as a space.
    ingest::parse_time(&text.replace(' ', "+"))
        .map_err(|cause| Problem::parameter(name, format!("{name} is a time like 2026-01-31T12:00:00Z: {cause}.")))
}

fn duration_us(text: &str) -> Result<i64, Problem> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_us = match unit {
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => 0,
    };
    let every_us = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit_us)).unwrap_or(0);
    if every_us <= 0 {
        return Err(Problem::parameter("every", "every is a number with ms, s, m, h or d, as every=60s."));
    }
    Ok(every_us)
}

fn aggregate(text: &str) -> Result<Aggregate, Problem> {
    Ok(match text {
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "mean" => Aggregate::Mean,
        "last" => Aggregate::Last,
        "count" => Aggregate::Count,
        _ => return Err(Problem::parameter("fn", "fn is min, max, mean, last or count.")),
    })
}
