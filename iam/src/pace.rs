//! The pace of calls: as fast as they come until IAM throttles, then as fast as IAM lets them.
//!
//! One for all calls of a client, since IAM's limits are the account's. Additive increase, multiplicative decrease: AIMD
//! settles at a limit that nobody tells. Reads and writes take turns, so that neither starves. Refuses to slow anything
//! down that was not throttled. Source: AWS general reference, "Service quotas", and the SDKs' adaptive retry mode.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What is left of the pace after IAM has throttled.
const DECREASE: f64 = 0.9;
/// By what part the pace grows in a second, doubled for every such time without throttling.
const INCREASE: (f64, Duration) = (0.02, Duration::from_secs(5));
/// One throttling tells the same as all others within this time: the calls were under way already.
const ONE_EVENT: Duration = Duration::from_secs(1);
/// The least pace, in calls a second: where others use the account's limit up, whatever the pace, each call's own pauses
/// do the rest.
const LEAST: f64 = 2.0;

/// Whether a call looks or changes something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Class {
    Read = 0,
    Write = 1,
}

/// The pace that calls keep.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Calls a second; none as long as IAM has not throttled.
    rate: Option<f64>,
    /// Calls that may be made at once.
    allowance: f64,
    refilled: Option<Instant>,
    waiting: [VecDeque<oneshot::Sender<()>>; 2],
    /// Whose turn it is.
    turn: usize,
    /// Whether somebody is at work on the queues.
    driven: bool,
    throttled: Option<Instant>,
    /// When IAM has answered in the last second.
    answered: VecDeque<Instant>,
}

impl State {
    fn refill(&mut self, now: Instant) {
        let Some(rate) = self.rate else { return };
        let since = self.refilled.map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
        // Two hundredths of a second's calls at once: a pause in between must not come back as a burst.
        self.allowance = (self.allowance + since.as_secs_f64() * rate).min((rate * 0.02).max(1.0));
        self.refilled = Some(now);
    }

    /// Lets those go whose turn has come. True where nobody waits any more.
    fn let_go(&mut self, now: Instant) -> bool {
        self.refill(now);
        while self.rate.is_none() || self.allowance >= 1.0 {
            let other = 1 - self.turn;
            let at = if self.waiting[self.turn].is_empty() { other } else { self.turn };
            let Some(next) = self.waiting[at].pop_front() else { return true };
            // Who has given up waiting uses nothing up.
            if next.send(()).is_ok() {
                self.allowance -= 1.0;
                self.turn = 1 - at;
            }
        }
        false
    }

    fn until_next(&self) -> Duration {
        let rate = self.rate.unwrap_or(f64::MAX);
        // Jitter: several processes that were throttled together must not come back together.
        let pause = (1.0 - self.allowance).max(0.0) / rate * (0.95 + fastrand::f64() / 10.0);
        // The timer knows no less.
        Duration::from_secs_f64(pause).max(Duration::from_millis(1))
    }
}

impl Pace {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of a call.
    pub(crate) async fn turn(&self, class: Class) {
        let turn = {
            let mut state = self.state();
            let now = Instant::now();
            state.refill(now);
            let nobody_waits = state.waiting.iter().all(VecDeque::is_empty);
            if state.rate.is_none() {
                return;
            }
            if nobody_waits && state.allowance >= 1.0 {
                state.allowance -= 1.0;
                return;
            }
            let (mine, turn) = oneshot::channel();
            state.waiting[class as usize].push_back(mine);
            if !state.driven {
                state.driven = true;
                tokio::spawn(self.clone().drive());
            }
            turn
        };
        // Whoever lets go is gone only with the runtime itself.
        let _ = turn.await;
    }

    /// Whether more calls wait than go in a second.
    pub(crate) fn crowded(&self) -> bool {
        let state = self.state();
        let waiting = state.waiting.iter().map(VecDeque::len).sum::<usize>();
        #[allow(clippy::cast_precision_loss, reason = "calls that wait are few")]
        let waiting = waiting as f64;
        state.rate.is_some_and(|rate| waiting > rate)
    }

    async fn drive(self) {
        loop {
            let pause = self.state().until_next();
            tokio::time::sleep(pause).await;
            let mut state = self.state();
            if state.let_go(Instant::now()) {
                state.driven = false;
                return;
            }
        }
    }

    /// IAM has answered a call.
    pub(crate) fn answered(&self) {
        let mut state = self.state();
        let now = Instant::now();
        state.answered.push_back(now);
        while state.answered.front().is_some_and(|then| now.saturating_duration_since(*then) > ONE_EVENT) {
            state.answered.pop_front();
        }
        if let (Some(rate), Some(throttled)) = (state.rate, state.throttled) {
            let quiet = now.saturating_duration_since(throttled).as_secs_f64() / INCREASE.1.as_secs_f64();
            // A pace that nothing reaches says nothing of the limit.
            #[allow(clippy::cast_precision_loss, reason = "calls in a second are few")]
            let reached = 2.0 * state.answered.len() as f64;
            if rate > reached.max(LEAST) {
                return;
            }
            // So much for each answer makes so much for a second of answers, whatever the pace.
            state.rate = Some(rate + INCREASE.0 * quiet.min(10.0).exp2());
        }
    }

    /// IAM has throttled a call. One that was alone keeps its own pauses, as long as there is no pace yet: slowing down
    /// would not help it.
    pub(crate) fn throttled(&self, alone: bool) {
        let mut state = self.state();
        let now = Instant::now();
        if alone && state.rate.is_none() {
            return;
        }
        if state.throttled.is_some_and(|then| now.saturating_duration_since(then) < ONE_EVENT) {
            return;
        }
        state.throttled = Some(now);
        let recent = state.answered.iter().filter(|then| now.saturating_duration_since(**then) <= ONE_EVENT).count();
        // What IAM let through just now is the best guess at its limit.
        #[allow(clippy::cast_precision_loss, reason = "calls in a second are few")]
        let passed = (recent as f64).max(LEAST);
        let rate = state.rate.map_or(passed, |rate| rate.min(passed.max(rate / 2.0)));
        state.rate = Some((rate * DECREASE).max(LEAST));
        state.allowance = 0.0;
        state.refilled = Some(now);
        tracing::debug!(rate = state.rate, "throttled: slowing down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    /// A limit of so many calls in any second, as IAM's.
    struct Limit {
        most: usize,
        passed: VecDeque<Instant>,
        refused: usize,
    }

    impl Limit {
        fn lets(&mut self) -> bool {
            let now = Instant::now();
            self.passed.retain(|then| now.saturating_duration_since(*then) < Duration::from_secs(1));
            let passes = self.passed.len() < self.most;
            if passes {
                self.passed.push_back(now);
            } else {
                self.refused += 1;
            }
            passes
        }
    }

    async fn calls(pace: &Pace, limit: &Mutex<Limit>, class: Class, count: usize) -> Duration {
        let began = Instant::now();
        for _ in 0..count {
            loop {
                pace.turn(class).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
                if limit.lock().unwrap().lets() {
                    pace.answered();
                    break;
                }
                pace.throttled(false);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_slowed_down_that_was_not_throttled() {
        let pace = Pace::default();
        let began = Instant::now();
        for _ in 0..10_000 {
            pace.turn(Class::Read).await;
            pace.answered();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    /// The pace settles just below a limit that nobody has told, whatever it is, and again where it changes.
    #[tokio::test(start_paused = true)]
    async fn the_pace_settles_at_the_limit() {
        for most in [5_u16, 100, 400] {
            let pace = Pace::default();
            let limit = Mutex::new(Limit { most: most.into(), passed: VecDeque::new(), refused: 0 });
            let count = usize::from(most) * 60;
            let each = join_all((0..16).map(|_| calls(&pace, &limit, Class::Read, count / 16))).await;
            let longest = each.into_iter().max().unwrap().as_secs_f64();
            let bound = 59.0;
            let refused = limit.lock().unwrap().refused;
            assert!(
                longest / bound < 1.2,
                "{most}: {longest} s, {} times the bound; {refused} refused",
                longest / bound
            );
            assert!(refused < count / 8, "{most}: {refused} of {count} refused");
        }
    }

    /// A crowd of reads does not hold up a write.
    #[tokio::test(start_paused = true)]
    async fn reads_and_writes_take_turns() {
        let pace = Pace::default();
        let limit = Mutex::new(Limit { most: 50, passed: VecDeque::new(), refused: 0 });
        let (_, writes) = tokio::join!(
            join_all((0..200).map(|_| calls(&pace, &limit, Class::Read, 10))),
            join_all((0..2).map(|_| calls(&pace, &limit, Class::Write, 20)))
        );
        // 40 writes of 2,040 calls: all alike, they would have to wait for most of 40 seconds.
        assert!(writes.iter().all(|took| *took < Duration::from_secs(15)), "{writes:?}");
    }
}
