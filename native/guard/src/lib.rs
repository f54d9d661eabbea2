//! A panic in a native library is a bug of that call. It must not end the process that loaded the library, and Rust aborts
//! when a panic reaches a function that C calls. So every function of a binding runs inside one of these: the panic
//! becomes an error with its message and place, and the caller of that call gets it.
//!
//! What a panic leaves half done is the concern of who owns it: state that more than one call sees is either put right by
//! a drop guard or marked as broken.

mod caught;
#[cfg(feature = "napi")]
mod task;

pub use caught::{Panic, caught, caught_future};
#[cfg(feature = "napi")]
pub use task::{Guarded, guarded, guarded_future};
