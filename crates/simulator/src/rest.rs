//! The end of a run: nothing goes wrong any more, everybody finishes what was begun, and all is compared once more.

use crate::violation::{Violation, promise};
use crate::world::World;

/// Rounds in which everybody finishes.
const ROUNDS_MAX: usize = 2_000;

impl World {
    /// Lets everybody finish, checks, stops properly, starts again and checks again.
    pub(crate) fn finish(&mut self) -> Result<(), Violation> {
        self.end_faults()?;
        self.come_to_rest()?;
        self.check_all()?;
        self.check_delivered()?;
        self.stop_properly()?;
        self.store.reopen();
        self.open()?;
        promise!(self.engine.is_some(), "the server does not start after it was stopped properly");
        self.check_all()?;
        if let (Some(engine), None) = (&self.engine, self.settings.raw_retention_us) {
            self.oracle.check_replay(engine)?;
        }
        Ok(())
    }

    fn come_to_rest(&mut self) -> Result<(), Violation> {
        for _ in 0..ROUNDS_MAX {
            if self.round()? {
                return Ok(());
            }
        }
        let restless = self.clients.iter().filter(|client| !client.is_content()).map(|client| &client.client_id);
        Err(Violation(format!("it does not come to rest; not finished are {:?}", restless.collect::<Vec<_>>())))
    }

    /// Everybody does what there is to do; whether there was nothing.
    fn round(&mut self) -> Result<bool, Violation> {
        let mut is_calm = true;
        // What failed while nobody looked at it is noticed only now.
        self.end_faults()?;
        self.tick();
        for index in 0..self.operators.len() {
            let Some(engine) = &mut self.engine else { return Ok(false) };
            is_calm &= self.operators[index].make_peace(engine, self.now_us);
        }
        for index in 0..self.clients.len() {
            is_calm &= self.clients[index].is_content();
            if self.clients[index].connection().is_none() {
                self.connect(index);
            }
            while self.let_client_listen(index)? {}
            if let Some(request) = self.clients[index].acknowledge(&mut self.random)
                && let Some(serving) = self.clients[index].connection().and_then(|id| self.connections.get_mut(&id))
            {
                serving.inbox.push_back(request);
            }
        }
        let busy: Vec<_> = self.connections.values().filter(|serving| serving.has_work()).map(|it| it.id).collect();
        for id in busy {
            self.serve(id);
        }
        for _ in 0..4 {
            self.write();
            self.keep();
            self.settle_accounts()?;
        }
        let is_quiet = self.engine.as_ref().is_some_and(|engine| {
            let rows = engine.slots.values().map(|slot| slot.tenant.outbox_len()).sum::<usize>();
            engine.is_written() && engine.is_kept() && engine.waiting.is_empty() && rows == 0
        });
        Ok(is_calm
            && is_quiet
            && self.connections.values().all(|serving| !serving.has_work() && serving.outbox.is_empty()))
    }

    pub(crate) fn check_all(&mut self) -> Result<(), Violation> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        self.oracle.check(engine, &self.book)?;
        self.oracle.check_kept(engine, &self.store)
    }

    /// Every message that a session waited for has come.
    fn check_delivered(&self) -> Result<(), Violation> {
        for (client_id, expected) in &self.oracle.expected {
            let client = self.clients.iter().find(|client| client.client_id.as_str() == client_id);
            let received = client.map(|client| &client.received);
            for (position, number) in expected {
                let has_come = received.is_some_and(|received| received.contains(number));
                promise!(has_come, "message {number}, the record at {position}, never came to {client_id}");
            }
        }
        Ok(())
    }

    /// The last checkpoint, then the end.
    fn stop_properly(&mut self) -> Result<(), Violation> {
        if let Some(engine) = &mut self.engine {
            engine.begin_round();
        }
        while self.engine.as_ref().is_some_and(|engine| !engine.is_kept()) {
            self.keep();
        }
        self.settle_accounts()?;
        self.stop()
    }
}
