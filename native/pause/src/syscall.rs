//! The four system calls that pause makes, and the entry point: without a C library they are made by hand.
#![expect(unsafe_code, reason = "system calls and the entry point are assembly")]

use core::arch::{asm, global_asm};

pub const SIGINT: isize = 2;
pub const SIGTERM: isize = 15;
pub const SIGCHLD: isize = 17;

const SIG_BLOCK: usize = 0;
const WNOHANG: usize = 1;
/// Bytes of the kernel's signal set.
const SIGSET_SIZE: usize = 8;

/// The kernel's 64-bit signal mask.
#[repr(transparent)]
pub struct SignalSet(u64);

impl SignalSet {
    pub fn of(signals: &[isize]) -> Self {
        Self(signals.iter().fold(0, |mask, signal| mask | 1 << (signal - 1)))
    }
}

pub fn block(signals: &SignalSet) {
    call(number::RT_SIGPROCMASK, SIG_BLOCK, signals as *const SignalSet as usize, 0, SIGSET_SIZE);
}

/// The signal's number, or a negative error.
pub fn wait_signal(signals: &SignalSet) -> isize {
    call(number::RT_SIGTIMEDWAIT, signals as *const SignalSet as usize, 0, 0, SIGSET_SIZE)
}

/// True when a child was reaped, so that there may be more.
pub fn reap() -> bool {
    let any_child = usize::MAX;
    call(number::WAIT4, any_child, 0, WNOHANG, 0) > 0
}

pub fn exit(code: usize) -> ! {
    loop {
        call(number::EXIT_GROUP, code, 0, 0, 0);
    }
}

#[cfg(target_arch = "x86_64")]
mod number {
    pub const RT_SIGPROCMASK: usize = 14;
    pub const WAIT4: usize = 61;
    pub const RT_SIGTIMEDWAIT: usize = 128;
    pub const EXIT_GROUP: usize = 231;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub const EXIT_GROUP: usize = 94;
    pub const RT_SIGPROCMASK: usize = 135;
    pub const RT_SIGTIMEDWAIT: usize = 137;
    pub const WAIT4: usize = 260;
}

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "xor ebp, ebp", "and rsp, -16", "call pause", "ud2");

#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x29, #0", "mov x30, #0", "bl pause", "brk #1");

#[cfg(target_arch = "x86_64")]
fn call(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result: isize;
    // SAFETY: the callers pass pointers to live values of the size the call expects, or null where that is allowed.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

#[cfg(target_arch = "aarch64")]
fn call(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result: isize;
    // SAFETY: as above.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c, in("x3") d,
            options(nostack));
    }
    result
}
