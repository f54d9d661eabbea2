//! Finds a part of a volume. Links are followed while they stay inside of it, as kubelet does; they are read here, and
//! never by the kernel, so that one that is swapped meanwhile leads nowhere else.

use std::{
    collections::VecDeque,
    ffi::{CStr, CString},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{FileType, Mode},
    io::Errno,
};

use crate::{
    error::{Error, Result, call, shown},
    place::{Folder, NAME, names},
};

/// The kernel's own limit on links in one path, and one on open folders.
const LINKS: usize = 40;
const DEPTH: usize = 256;

/// Names what is at that path of the volume. A missing name becomes a folder with the volume's own permissions.
pub fn find(volume: &Folder, path: &str) -> Result<OwnedFd> {
    let outside = || Error::Outside(shown(path));
    let failed = || call("open", volume.path.join(path));
    let mut above: Vec<OwnedFd> = Vec::new();
    let mut current = volume.again()?.fd;
    let mut pending: VecDeque<CString> = names(path)?.into();
    let mut links = 0;
    while let Some(name) = pending.pop_front() {
        if name.as_c_str() == c".." {
            current = above.pop().ok_or_else(outside)?;
            continue;
        }
        let next = match rustix::fs::openat(&current, &name, NAME, Mode::empty()) {
            Err(Errno::NOENT) => make(volume, &current, &name)?,
            other => other.map_err(failed())?,
        };
        let mode = rustix::fs::fstat(&next).map_err(failed())?.st_mode;
        if FileType::from_raw_mode(mode) == FileType::Symlink {
            links += 1;
            if links > LINKS {
                return Err(failed()(Errno::LOOP));
            }
            let target = rustix::fs::readlinkat(&next, "", Vec::new()).map_err(failed())?;
            if target.to_bytes().starts_with(b"/") {
                return Err(outside());
            }
            for part in target.to_bytes().split(|byte| *byte == b'/').rev() {
                if !part.is_empty() && part != b"." {
                    pending.push_front(CString::new(part).map_err(|_| outside())?);
                }
            }
            continue;
        }
        above.push(std::mem::replace(&mut current, next));
        if above.len() > DEPTH {
            return Err(failed()(Errno::NAMETOOLONG));
        }
    }
    Ok(current)
}

fn make(volume: &Folder, parent: &OwnedFd, name: &CStr) -> Result<OwnedFd> {
    let failed = || call("make", volume.join(name));
    let permissions = rustix::fs::fstat(&volume.fd).map_err(failed())?.st_mode & 0o777;
    match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(permissions)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed()(error)),
    }
    // A link that took its place is refused here.
    let made = crate::place::open_folder(parent.as_fd(), name).map_err(failed())?;
    let inherited = rustix::fs::fstat(&made).map_err(failed())?.st_mode & 0o7000;
    rustix::fs::fchmod(&made, Mode::from_raw_mode(permissions | inherited)).map_err(failed())?;
    Ok(made)
}
