//! The projection.

use tenant::ProjectionRow;

use crate::bed::{AGENT, Open, TENANT, audit, reject};

pub(crate) fn rows_are_read_back_newest_first(open: &Open<'_>) {
    let store = open();
    store.project(TENANT, &[audit(1, "one"), reject(2, AGENT, 20), audit(3, "three")]).unwrap();
    store.project(TENANT, &[reject(4, "acme_other", 40), reject(5, AGENT, 50)]).unwrap();
    let subjects = |limit| store.audit(TENANT, limit).unwrap().into_iter().map(|audit| audit.subject);
    assert_eq!(subjects(10).collect::<Vec<_>>(), ["three", "one"]);
    assert_eq!(subjects(1).collect::<Vec<_>>(), ["three"]);
    let positions = |agent, limit| -> Vec<u64> {
        store.rejects(TENANT, agent, limit).unwrap().into_iter().map(|reject| reject.position).collect()
    };
    assert_eq!(positions(None, 10), [5, 4, 2]);
    assert_eq!(positions(Some(AGENT), 10), [5, 2]);
    assert_eq!(positions(Some(AGENT), 1), [5]);
    assert_eq!(positions(Some("acme_nobody"), 10), [0; 0]);
}

pub(crate) fn every_field_comes_back(open: &Open<'_>) {
    let (sent, changed) = (reject(2, AGENT, 20), audit(3, "Zürich"));
    let store = open();
    store.project(TENANT, &[sent.clone(), changed.clone()]).unwrap();
    let read = store.rejects(TENANT, None, 1).unwrap().remove(0);
    let row = ProjectionRow::Reject {
        agent: read.agent,
        received_us: read.received_us,
        topic: read.topic,
        payload: read.payload,
        entries: read.entries,
    };
    assert_eq!((read.position, row), (sent.position, sent.row));
    let read = store.audit(TENANT, 1).unwrap().remove(0);
    let row = ProjectionRow::Audit {
        at_us: read.at_us,
        actor: read.actor,
        action: read.action,
        subject: read.subject,
        detail: read.detail,
    };
    assert_eq!((read.position, row), (changed.position, changed.row));
}

pub(crate) fn rows_that_are_there_are_skipped(open: &Open<'_>) {
    open().project(TENANT, &[audit(0, "zero"), audit(2, "two"), audit(2, "two again")]).unwrap();
    let store = open();
    store.project(TENANT, &[audit(0, "zero"), audit(2, "two"), audit(2, "two again"), audit(3, "three")]).unwrap();
    store.project(TENANT, &[audit(1, "late")]).unwrap();
    store.project(TENANT, &[]).unwrap();
    let subjects: Vec<_> = store.audit(TENANT, 10).unwrap().into_iter().map(|audit| audit.subject).collect();
    assert_eq!(subjects, ["three", "two again", "two", "zero"]);
    assert_eq!(store.restore().unwrap()[0].projected, 3);
}
