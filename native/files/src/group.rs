//! Gives a tree to a group, as kubelet gives a volume to the pod's fsGroup.

use std::{
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{
    fs::{AtFlags, FileType, Gid, Mode},
    io::{Errno, Result as Call},
};

use crate::{
    error::{Error, Result, call},
    place::{Folder, NAME, descriptor, mount_id},
    walk::{Visitor, walk},
};

struct Give {
    group: Gid,
    mount: u64,
    /// Whether the next folder is the top of the tree.
    at_top: bool,
}

impl Visitor for Give {
    const OPERATION: &'static str = "change the group of";

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &CStr) -> Call<()> {
        let fd = match rustix::fs::openat(folder, name, NAME, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        if mount_id(fd.as_fd())? != self.mount {
            return Ok(());
        }
        rustix::fs::chownat(&fd, "", None, Some(self.group), AtFlags::EMPTY_PATH)?;
        let mode = rustix::fs::fstat(&fd)?.st_mode;
        if FileType::from_raw_mode(mode) == FileType::Symlink {
            return Ok(());
        }
        // fchmod(2) takes no O_PATH descriptor; its link in /proc leads to the very file.
        rustix::fs::chmod(descriptor(fd.as_fd()), Mode::from_raw_mode(mode & 0o7777 | 0o660))
    }

    fn enter(&mut self, folder: BorrowedFd<'_>) -> Call<()> {
        if std::mem::take(&mut self.at_top) {
            return Ok(());
        }
        own(folder, self.group)
    }

    fn lost(&mut self, error: Error) -> Result<()> {
        // What is mounted there has an owner of its own.
        if let Error::Crossing(_) = error { Ok(()) } else { Err(error) }
    }
}

fn own(folder: BorrowedFd<'_>, group: Gid) -> Call<()> {
    rustix::fs::fchown(folder, None, Some(group))?;
    let mode = rustix::fs::fstat(folder)?.st_mode;
    rustix::fs::fchmod(folder, Mode::from_raw_mode(mode & 0o7777 | 0o2770))
}

/// Members of the group read and write, and what is made in folders keeps it. With `only_on_mismatch` a tree is left
/// alone whose top has the group and the modes already: the top is changed last, so a walk that was cut off is repeated.
pub fn give(folder: &Folder, group: u32, only_on_mismatch: bool) -> Result<()> {
    if only_on_mismatch {
        let stat = rustix::fs::fstat(&folder.fd).map_err(call("stat", &folder.path))?;
        if stat.st_gid == group && stat.st_mode & 0o2770 == 0o2770 {
            return Ok(());
        }
    }
    let group = Gid::from_raw(group);
    walk(folder, &mut Give { group, mount: folder.mount, at_top: true })?;
    own(folder.fd.as_fd(), group).map_err(call("change the group of", &folder.path))
}
