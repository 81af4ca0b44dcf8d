//! What is revoked has to go, and nobody else.

use tenant::{CloseReason, Connection, Effect, Outcome, Record, Refused};

use crate::bed::{Bed, PERSISTENT, connected, session};

fn close(name: &str, connection: &Connection<'_>) -> Effect {
    Effect::Close { session: session(name), epoch: connection.epoch, reason: CloseReason::Revoked }
}

fn revoke(bed: &Bed, name: &str) -> Record<'static> {
    Record::AgentRevoked { change: bed.change(), agent: format!("acme_{name}").into() }
}

fn restore(bed: &Bed, name: &str) -> Record<'static> {
    Record::AgentRestored { change: bed.change(), agent: format!("acme_{name}").into() }
}

#[test]
fn a_revoked_agent_loses_its_connection_and_the_others_do_not() {
    let mut bed = Bed::new();
    let (press, _) = (bed.agent("press"), bed.agent("pump"));
    assert_eq!(bed.apply(&revoke(&bed, "press")), (Outcome::Done, vec![close("press", &press)]));
}

#[test]
fn a_revoked_agent_that_is_away_has_nothing_to_lose() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.disconnect(&press);
    assert_eq!(bed.apply(&revoke(&bed, "press")), (Outcome::Done, vec![]));
}

#[test]
fn a_revoked_agent_comes_in_again_only_when_restored() {
    let mut bed = Bed::new();
    bed.agent("press");
    let judgement = bed.judge(1, "press");
    let revoke = revoke(&bed, "press");
    bed.apply(&revoke);
    let connect = connected(judgement, PERSISTENT, bed.now_us);
    assert_eq!(bed.outcome(&connect), Outcome::Refused(Refused::Revoked));
    let restore = restore(&bed, "press");
    assert_eq!(bed.outcome(&restore), Outcome::Done);
    assert!(matches!(bed.outcome(&connect), Outcome::Connected { .. }));
}

#[test]
fn an_agent_that_is_not_there_is_told_apart() {
    let mut bed = Bed::new();
    bed.rows();
    for record in [revoke(&bed, "nobody"), restore(&bed, "nobody")] {
        assert_eq!(bed.apply(&record), (Outcome::Refused(Refused::UnknownAgent), vec![]));
    }
    assert_eq!(bed.rows(), []);
}

#[test]
fn a_revoked_authority_takes_its_agents_connections_along_and_no_others() {
    let mut bed = Bed::new();
    bed.trust(2);
    let press = bed.agent("press");
    let judgement = bed.judge(2, "pump");
    bed.apply(&Record::AgentOnboarded { judgement: judgement.clone(), at_us: bed.now_us });
    bed.apply(&connected(judgement, PERSISTENT, bed.now_us));
    let away = bed.agent("valve");
    bed.disconnect(&away);
    let record = Record::AuthorityRevoked { change: bed.change(), authority: 1 };
    assert_eq!(bed.apply(&record), (Outcome::Done, vec![close("press", &press)]));
    assert_eq!(bed.apply(&record), (Outcome::Done, vec![]), "once");
}
