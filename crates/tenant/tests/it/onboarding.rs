//! The first connect makes the agent.

use tenant::{Limits, Outcome, Presence, Record, Refused};

use crate::bed::{Bed, NOW, PERSISTENT, connected};

#[test]
fn a_first_connect_makes_an_agent_that_is_offline() {
    let mut bed = Bed::new();
    bed.onboard("press");
    let agent = bed.tenant.agent("acme_press").unwrap();
    assert_eq!(agent.status().presence, Presence::Offline(NOW));
    assert_eq!(agent.status().ledger.received(), 0);
    assert_eq!(bed.tenant.agents(None).map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["acme_press"]);
}

#[test]
fn first_connects_that_race_make_one_agent() {
    let mut bed = Bed::new();
    bed.rows();
    // Both are judged before either is applied.
    let judgement = bed.judge(1, "press");
    let first = Record::AgentOnboarded { judgement: judgement.clone(), at_us: bed.now_us };
    let second = Record::AgentOnboarded { judgement, at_us: bed.now_us + 1 };
    assert_eq!(bed.outcome(&first), Outcome::Onboarded { created: true });
    assert_eq!(bed.outcome(&second), Outcome::Onboarded { created: false });
    assert_eq!(bed.tenant.agents(None).count(), 1);
    assert_eq!(bed.rows().len(), 1, "one line in the audit");
}

#[test]
fn the_number_of_agents_has_a_bound_and_known_ones_still_come_in() {
    let mut bed = Bed::with(Limits { agents_max: 1, ..Limits::default() });
    bed.onboard("press");
    let record = Record::AgentOnboarded { judgement: bed.judge(1, "pump"), at_us: bed.now_us };
    assert_eq!(bed.outcome(&record), Outcome::Refused(Refused::Quota("agents of the tenant", 1)));
    assert!(bed.tenant.agent("acme_pump").is_none());
    bed.connect("press", PERSISTENT);
}

#[test]
fn a_connect_before_the_first_connect_is_applied_finds_nobody() {
    let mut bed = Bed::new();
    let (outcome, effects) = bed.apply_connect("press", PERSISTENT);
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    assert_eq!(effects, []);
    assert!(bed.tenant.broker().sessions().next().is_none(), "no session is left behind");
}

#[test]
fn what_was_judged_before_its_authority_was_revoked_is_refused_afterwards() {
    let mut bed = Bed::new();
    bed.onboard("press");
    let (first, second) = (bed.judge(1, "press"), bed.judge(1, "pump"));
    let revoke = Record::AuthorityRevoked { change: bed.change(), authority: 1 };
    bed.apply(&revoke);
    assert_eq!(bed.outcome(&connected(first, PERSISTENT, bed.now_us)), Outcome::Refused(Refused::Revoked));
    let onboard = Record::AgentOnboarded { judgement: second, at_us: bed.now_us };
    assert_eq!(bed.outcome(&onboard), Outcome::Refused(Refused::Revoked));
    assert!(bed.tenant.agent("acme_pump").is_none());
}
