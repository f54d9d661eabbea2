//! The first process of every pod sandbox: holds the pod's namespaces open, reaps what is orphaned into a shared process
//! namespace, and ends at SIGTERM or SIGINT. A few KB, no library, no allocation.
#![no_std]
#![no_main]

mod syscall;

use syscall::{SIGCHLD, SIGINT, SIGTERM, SignalSet};

/// Called by the entry point with an aligned stack. Signals are blocked and waited for, not handled: the first process
/// of a namespace never gets a signal that it neither handles nor blocks.
#[expect(unsafe_code, reason = "the entry point in `syscall` calls it by its symbol")]
#[unsafe(no_mangle)]
extern "C" fn pause() -> ! {
    let signals = SignalSet::of(&[SIGCHLD, SIGINT, SIGTERM]);
    syscall::block(&signals);
    loop {
        match syscall::wait_signal(&signals) {
            SIGCHLD => while syscall::reap() {},
            SIGINT | SIGTERM => syscall::exit(0),
            // Interrupted by a stop or a debugger.
            _ => {}
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    syscall::exit(101)
}
