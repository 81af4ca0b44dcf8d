//! Two tenants with the same names never meet.

use std::collections::BTreeSet;

use store::Order::{Ascending, Descending};
use store::{Aggregate, Refusal, RefusalFilter, SeriesQuery};
use tenant::{Checkpoint, Unwritten};

use crate::bed::{AGENT, Open, audit, chunk, part, reject, sample};

/// One is the begin of the other, and sorts right before it.
const TENANTS: [&str; 3] = ["acme", "acme2", "b"];

pub(crate) fn tenants_with_the_same_names_never_meet(open: &Open<'_>) {
    let store = open();
    for (tenant, number) in TENANTS.into_iter().zip(1..) {
        let parts = vec![part("agent/a", Some(tenant.as_bytes()))];
        let chunks = (0..8).map(|sequence| chunk("speed", sequence, vec![sample(sequence as i64, number)])).collect();
        store.checkpoint(tenant, &Checkpoint { position: number as u64, parts, chunks }).unwrap();
        store.project(tenant, &[audit(number as u64, tenant), reject(number as u64 + 10, AGENT, number)]).unwrap();
        store.put_messages(tenant, &[(1, tenant.as_bytes().to_vec())]).unwrap();
        store
            .record_refusals(&[Refusal { tenant: Some(tenant.to_owned()), at_us: number, ..Refusal::default() }])
            .unwrap();
    }
    store.retain_messages("acme", &BTreeSet::new()).unwrap();
    assert_eq!(store.merge("acme2", 10).unwrap(), 7);
    assert_eq!(store.merge("nobody", 10).unwrap(), 0);

    for (tenant, number) in TENANTS.into_iter().zip(1..) {
        let query = SeriesQuery { tenant, agent: AGENT, data_point: "speed", range: i64::MIN..i64::MAX };
        let expected: Vec<_> = (0..8).map(|time| sample(time, number)).collect();
        for order in [Ascending, Descending] {
            let mut samples = store.samples(&query, &Unwritten::default(), 100, order).unwrap();
            samples.sort_by_key(|sample| sample.time_us);
            assert_eq!(samples, expected);
        }
        let count = store.downsample(&query, &Unwritten::default(), 100, Aggregate::Count, 10, Ascending).unwrap();
        assert_eq!(count, [sample(0, 8)]);
        let image = store.restore().unwrap().into_iter().find(|image| image.tenant == tenant).unwrap();
        assert_eq!(image.parts, [("agent/a".to_owned(), tenant.as_bytes().to_vec())]);
        assert_eq!((image.position, image.projected), (number as u64, number as u64 + 10));
        let audit = store.audit(tenant, 10).unwrap();
        assert_eq!(audit.iter().map(|audit| audit.subject.as_str()).collect::<Vec<_>>(), [tenant]);
        let rejects = store.rejects(tenant, None, 10).unwrap();
        assert_eq!(rejects.iter().map(|reject| reject.received_us).collect::<Vec<_>>(), [number]);
        let message = store.message(tenant, 1).unwrap();
        assert_eq!(message, (tenant != "acme").then(|| tenant.as_bytes().to_vec()));
        let filter = RefusalFilter { tenant: Some(tenant.to_owned()), text: None, limit: 10 };
        let refusals = store.refusals(&filter).unwrap();
        assert_eq!(refusals.iter().map(|refusal| refusal.at_us).collect::<Vec<_>>(), [number]);
    }
    let nobody = SeriesQuery { tenant: "nobody", agent: AGENT, data_point: "speed", range: i64::MIN..i64::MAX };
    assert_eq!(store.samples(&nobody, &Unwritten::default(), 100, Ascending).unwrap(), []);
}
