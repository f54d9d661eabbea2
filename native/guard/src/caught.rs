//! Catching panics, with the place that the default hook alone is told of.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

/// A panic that was caught: its message, and `file:line:column` of where it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    pub message: String,
    pub place: String,
}

impl fmt::Display for Panic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "panicked at {}: {}", self.place, self.message)
    }
}

impl std::error::Error for Panic {}

thread_local! {
    /// Where the last panic of this thread began: a payload does not say.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Each library has a hook of its own, as it has a standard library of its own. What was there before still runs: it
/// writes the message to standard error, where operators look for it.
fn remember_places() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let place = info.location().map(ToString::to_string);
            PLACE.with(|last| *last.borrow_mut() = place);
            before(info);
        }));
    });
}

fn panic_of(payload: &(dyn Any + Send)) -> Panic {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
    Panic {
        message: message.unwrap_or_else(|| "a value that is no text".to_owned()),
        place: PLACE.with(|last| last.borrow_mut().take()).unwrap_or_else(|| "an unknown place".to_owned()),
    }
}

/// Runs `work`. A panic in it is returned as an error. State that `work` shares with others may be half changed then.
pub fn caught<T, E: From<Panic>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    remember_places();
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(payload) => Err(panic_of(&*payload).into()),
    }
}

/// As [`caught`], for a future: a panic in any of its polls ends it with an error.
pub async fn caught_future<T, E: From<Panic>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let mut future = pin!(future);
    poll_fn(|context| match caught(|| Ok::<_, E>(future.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Ready, pending, ready};
    use std::task::{Context, Waker};

    fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn results_pass_unchanged() {
        assert_eq!(caught(|| Ok::<_, Panic>(1)), Ok(1));
        let error = Panic { message: "own".into(), place: "here".into() };
        assert_eq!(caught(|| Err::<(), _>(error.clone())), Err(error));
    }

    #[test]
    fn a_panic_becomes_an_error_with_message_and_place() {
        let fixed = caught::<(), Panic>(|| panic!("fixed")).unwrap_err();
        assert_eq!(fixed.message, "fixed");
        let number = 7;
        let formatted = caught::<(), Panic>(|| panic!("number {number}")).unwrap_err();
        assert_eq!(formatted.message, "number 7");
        assert!(formatted.place.contains("caught.rs:"), "{formatted}");
        assert!(formatted.to_string().ends_with(": number 7"), "{formatted}");
        let other = caught::<(), Panic>(|| panic::panic_any(1)).unwrap_err();
        assert_eq!(other.message, "a value that is no text");
    }

    #[test]
    fn what_a_panic_unwinds_is_dropped() {
        struct Flag<'a>(&'a RefCell<bool>);
        impl Drop for Flag<'_> {
            fn drop(&mut self) {
                *self.0.borrow_mut() = true;
            }
        }
        let dropped = RefCell::new(false);
        let result = caught::<(), Panic>(|| {
            let _flag = Flag(&dropped);
            panic!("unwinds")
        });
        assert!(result.is_err() && *dropped.borrow());
    }

    #[test]
    fn a_future_that_panics_ends_with_an_error() {
        let passes: Ready<Result<i32, Panic>> = ready(Ok(1));
        assert_eq!(poll_once(caught_future(passes)), Poll::Ready(Ok(1)));
        assert!(poll_once(caught_future(pending::<Result<(), Panic>>())).is_pending());
        let panics =
            caught_future(async { if pending_is_over().await { panic!("late") } else { Ok::<(), Panic>(()) } });
        let Poll::Ready(Err(error)) = poll_once(panics) else { panic!("no error") };
        assert_eq!(error.message, "late");
    }

    async fn pending_is_over() -> bool {
        true
    }
}
