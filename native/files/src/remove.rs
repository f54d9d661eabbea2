//! Removes trees, however deep, on one mount, and only when nothing is mounted in them.

use std::{ffi::CStr, os::fd::BorrowedFd};

use rustix::{
    fs::AtFlags,
    io::{Errno, Result as Call},
};

use crate::{
    error::{Error, Result, call, shown},
    mounts,
    place::Folder,
    walk::{Visitor, walk},
};

/// A folder that is never found empty is being filled by somebody.
const TIMES: u32 = 8;

struct Remove;

impl Visitor for Remove {
    const OPERATION: &'static str = "remove";

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &CStr) -> Call<()> {
        ignore_missing(rustix::fs::unlinkat(folder, name, AtFlags::empty()))
    }

    fn leave(&mut self, parent: BorrowedFd<'_>, name: &CStr, times: u32) -> Call<bool> {
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(false),
            // Some file systems skip names when others are removed while they are read.
            Err(Errno::NOTEMPTY) if times < TIMES => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn ignore_missing(result: Call<()>) -> Call<()> {
    if result == Err(Errno::NOENT) { Ok(()) } else { result }
}

/// What has that name in the folder, whatever it is. Missing is fine. Refuses a mount point, and a tree with one in it.
pub fn remove(folder: &Folder, name: &CStr) -> Result<()> {
    let tree = match folder.step(name) {
        Err(error) if error.is_missing() => return Ok(()),
        other => other?,
    };
    let Some(tree) = tree else {
        let result = rustix::fs::unlinkat(&folder.fd, name, AtFlags::empty());
        return ignore_missing(result).map_err(call("remove", folder.join(name)));
    };
    if tree.mount != folder.mount {
        return Err(Error::Mounted(shown(tree.path)));
    }
    for times in 0.. {
        remove_contents(&tree)?;
        match Remove.leave(rustix::fd::AsFd::as_fd(folder), name, times) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => return Err(call("remove", &tree.path)(error)),
        }
    }
    Ok(())
}

/// The folder of that name if nothing is in it. False when it is anything else, or missing.
pub fn remove_empty(folder: &Folder, name: &CStr) -> Result<bool> {
    match rustix::fs::unlinkat(&folder.fd, name, AtFlags::REMOVEDIR) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(call("remove", folder.join(name))(error)),
    }
}

/// All that is in the folder, which stays.
pub fn remove_contents(folder: &Folder) -> Result<()> {
    if let Some(point) = mounts::below(folder)?.first() {
        return Err(Error::Mounted(shown(point.path())));
    }
    walk(folder, &mut Remove)
}
