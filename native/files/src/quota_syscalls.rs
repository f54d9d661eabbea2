//! The calls behind project quotas, which rustix does not have: the project of a file (two ioctls of linux/fs.h), and
//! quotactl_fd(2), Linux 5.14, with its commands of linux/quota.h and linux/dqblk_xfs.h.
#![expect(unsafe_code, reason = "these calls have no safe binding")]

use std::{
    ffi::{c_long, c_uint, c_void},
    os::fd::{AsRawFd, BorrowedFd},
    ptr::from_mut,
};

use rustix::{
    io::{Errno, Result as Call},
    ioctl::{Getter, Opcode, Setter, ioctl, opcode},
};

/// `struct fsxattr`.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) flags: u32,
    extent_size: u32,
    extents: u32,
    pub(crate) project: u32,
    cow_extent_size: u32,
    padding: [u8; 8],
}

/// `FS_XFLAG_PROJINHERIT`: what is made in the folder is of its project.
pub(crate) const INHERITS: u32 = 0x200;

const GET_ATTRIBUTES: Opcode = opcode::read::<Attributes>(b'X', 31);
const SET_ATTRIBUTES: Opcode = opcode::write::<Attributes>(b'X', 32);

const GET_QUOTA: c_uint = 0x0080_0007;
const SET_QUOTA: c_uint = 0x0080_0008;
const GET_STATE: c_uint = 0x5808;
const PROJECT_QUOTA: c_uint = 2;
/// `FS_QUOTA_PDQ_ENFD`.
const PROJECTS_ENFORCED: u16 = 1 << 5;
/// `QIF_BLIMITS`: which fields of the quota are set.
const BLOCK_LIMITS: u32 = 1;

/// `struct if_dqblk`. Limits are in blocks of 1024 bytes, whatever the file system's are.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
struct Quota {
    block_limit: u64,
    block_warning: u64,
    bytes: u64,
    file_limit: u64,
    file_warning: u64,
    files: u64,
    block_time: u64,
    file_time: u64,
    valid: u32,
}

/// The first fields of `struct fs_quota_statv`, and room for the others.
#[repr(C, align(8))]
struct State {
    version: i8,
    padding: u8,
    flags: u16,
    others: [u8; 252],
}

pub(crate) fn attributes(fd: BorrowedFd<'_>) -> Call<Attributes> {
    // SAFETY: the opcode reads one `struct fsxattr`, which `Attributes` is.
    unsafe { ioctl(fd, Getter::<GET_ATTRIBUTES, Attributes>::new()) }
}

pub(crate) fn set_attributes(fd: BorrowedFd<'_>, attributes: Attributes) -> Call<()> {
    // SAFETY: the opcode takes one `struct fsxattr`, which `Attributes` is.
    unsafe { ioctl(fd, Setter::<SET_ATTRIBUTES, Attributes>::new(attributes)) }
}

/// Does the file system hold projects to their limits?
pub(crate) fn enforced(fd: BorrowedFd<'_>) -> Call<bool> {
    let mut state = State { version: 1, padding: 0, flags: 0, others: [0; 252] };
    // SAFETY: the command writes one `struct fs_quota_statv`, which is 160 bytes long.
    let asked = unsafe { quotactl(fd, GET_STATE, 0, from_mut(&mut state).cast()) };
    match asked {
        Ok(()) => Ok(state.flags & PROJECTS_ENFORCED != 0),
        // An older kernel, a file system without quotas, or one without projects.
        Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::SRCH) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Has nobody a limit or a file by this number?
pub(crate) fn is_free(fd: BorrowedFd<'_>, project: u32) -> Call<bool> {
    let mut quota = Quota::default();
    // SAFETY: the command writes one `struct if_dqblk`, which `Quota` is.
    match unsafe { quotactl(fd, GET_QUOTA, project, from_mut(&mut quota).cast()) } {
        Ok(()) => Ok([quota.block_limit, quota.block_warning, quota.bytes, quota.file_limit, quota.files] == [0; 5]),
        // XFS knows no project that has nothing.
        Err(Errno::NOENT) => Ok(true),
        Err(error) => Err(error),
    }
}

/// In blocks of 1024 bytes; 0 is no limit.
pub(crate) fn set_limit(fd: BorrowedFd<'_>, project: u32, blocks: u64) -> Call<()> {
    let mut quota = Quota { block_limit: blocks, valid: BLOCK_LIMITS, ..Quota::default() };
    // SAFETY: the command reads one `struct if_dqblk`, which `Quota` is.
    unsafe { quotactl(fd, SET_QUOTA, project, from_mut(&mut quota).cast()) }
}

/// # Safety
///
/// `address` is of what the command takes.
unsafe fn quotactl(fd: BorrowedFd<'_>, command: c_uint, id: u32, address: *mut c_void) -> Call<()> {
    let command = command << 8 | PROJECT_QUOTA;
    // SAFETY: the numbers are what the call takes, and the caller vouches for the address.
    let result = unsafe {
        libc::syscall(libc::SYS_quotactl_fd, c_long::from(fd.as_raw_fd()), command as c_long, id as c_long, address)
    };
    if result == 0 { Ok(()) } else { Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)) }
}
