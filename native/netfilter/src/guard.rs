//! A panic in a function that Node calls would end Node: it becomes an error of that call.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::{Error, Result};

/// Who shares state with other calls must mark it before it may be half changed: the caller goes on.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Error::from_reason(format!("panicked: {}", text.unwrap_or("with a value that is no text"))))
    })
}
