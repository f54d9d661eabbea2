//! Mounts between descriptors: neither end is found by its name a second time.

use std::{
    ffi::{CStr, CString},
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{
    fs::{FileType, Mode},
    mount::MountFlags,
};

use crate::{
    error::{Error, Result, call},
    mounts,
    place::{Folder, Found, descriptor},
    read,
};

/// Mounts what the descriptor means at that name, which is made when it is missing. What was mounted there before goes.
pub fn bind(source: BorrowedFd<'_>, folder: &Folder, name: &CStr) -> Result<()> {
    mounts::unmount(folder, name)?;
    let mode = rustix::fs::fstat(source).map_err(call("stat", &folder.path))?.st_mode;
    let target = place_for(folder, name, FileType::from_raw_mode(mode) == FileType::Directory)?;
    rustix::mount::mount_bind(descriptor(source), descriptor(target.fd.as_fd())).map_err(call("bind", &target.path))
}

fn place_for(folder: &Folder, name: &CStr, is_folder: bool) -> Result<Found> {
    if let Some(found) = folder.look(name)? {
        if (found.kind() == FileType::Directory) == is_folder {
            return Ok(found);
        }
        crate::remove::remove(folder, name)?;
    }
    if is_folder {
        rustix::fs::mkdirat(&folder.fd, name, Mode::from_raw_mode(0o750)).map_err(call("make", folder.join(name)))?;
    } else {
        read::create(folder, name, 0o600)?;
    }
    read::found(folder, name)
}

/// Mounts a new tmpfs at that name, a folder that is there. `options` as in tmpfs(5), separated by commas.
pub fn tmpfs(folder: &Folder, name: &CStr, options: &str) -> Result<()> {
    let target = read::found(folder, name)?;
    let options = CString::new(options).map_err(|_| Error::Outside(options.to_owned()))?;
    rustix::mount::mount("tmpfs", descriptor(target.fd.as_fd()), "tmpfs", MountFlags::empty(), options.as_c_str())
        .map_err(call("mount tmpfs at", target.path))
}
