//! Folders held by descriptor, and the one step from a folder to what is in it.

use std::{
    ffi::{CStr, CString, OsStr},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, StatxFlags},
    io::Errno,
};

use crate::error::{Error, Result, call, shown};

/// O_DIRECTORY and O_NOFOLLOW are refused by what is no folder before it is opened, so a FIFO is not waited for.
const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
/// Only names the file: nothing is waited for, nothing happens to a device.
pub(crate) const NAME: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// `STATX_MNT_ID` of linux/stat.h, Linux 5.8.
const MOUNT_ID: StatxFlags = StatxFlags::from_bits_retain(0x1000);

/// An opened folder. `path` is for messages only.
#[derive(Debug)]
pub struct Folder {
    pub(crate) fd: OwnedFd,
    pub(crate) mount: u64,
    pub(crate) path: PathBuf,
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Folder {
    /// Follows links: the path is the administrator's, and nothing on it is a container's.
    pub fn open(path: &Path) -> Result<Self> {
        let fd =
            rustix::fs::open(path, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty()).map_err(call("open", path))?;
        Self::of(fd, path.to_path_buf())
    }

    fn of(fd: OwnedFd, path: PathBuf) -> Result<Self> {
        let mount = mount_id(fd.as_fd()).map_err(call("stat", &path))?;
        Ok(Self { fd, mount, path })
    }

    pub(crate) fn again(&self) -> Result<Self> {
        let fd = self
            .fd
            .try_clone()
            .map_err(|error| call("open", &self.path)(Errno::from_io_error(&error).unwrap_or(Errno::MFILE)))?;
        Ok(Self { fd, mount: self.mount, path: self.path.clone() })
    }

    /// The folder of that name, or None when something else has it. It may be a mount point.
    pub(crate) fn step(&self, name: &CStr) -> Result<Option<Self>> {
        let path = self.join(name);
        match open_folder(self.fd.as_fd(), name) {
            Ok(fd) => Self::of(fd, path).map(Some),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(call("open", path)(error)),
        }
    }

    /// The folder of that name, which lies on the same mount.
    pub(crate) fn child(&self, name: &CStr) -> Result<Self> {
        let child = self.step(name)?.ok_or_else(|| not("a folder", self.join(name)))?;
        if child.mount == self.mount { Ok(child) } else { Err(Error::Crossing(shown(child.path))) }
    }

    /// A folder below this one. What the agent itself mounted may be on the way; links may not.
    pub fn descend(&self, path: &str) -> Result<Self> {
        let mut folder = self.again()?;
        for name in names(path)? {
            folder = folder.step(&name)?.ok_or_else(|| not("a folder", folder.join(&name)))?;
        }
        Ok(folder)
    }

    /// As `descend`, and makes what is missing.
    pub fn make(&self, path: &str, mode: u32) -> Result<Self> {
        let mut folder = self.again()?;
        for name in names(path)? {
            folder = folder.make_one(&name, mode)?;
        }
        Ok(folder)
    }

    pub(crate) fn make_one(&self, name: &CStr, mode: u32) -> Result<Self> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(call("make", self.join(name))(error)),
        }
        self.step(name)?.ok_or_else(|| not("a folder", self.join(name)))
    }

    /// The folder that a path's last name is in, and that name.
    pub fn split(&self, path: &str) -> Result<(Self, CString)> {
        let mut all = names(path)?;
        let last = all.pop().ok_or_else(|| Error::Outside(path.to_owned()))?;
        let mut folder = self.again()?;
        for name in all {
            folder = folder.step(&name)?.ok_or_else(|| not("a folder", folder.join(&name)))?;
        }
        Ok((folder, last))
    }

    /// As `split`, and makes the folders that are missing.
    pub fn make_parents(&self, path: &str, mode: u32) -> Result<(Self, CString)> {
        let mut all = names(path)?;
        let last = all.pop().ok_or_else(|| Error::Outside(path.to_owned()))?;
        let mut folder = self.again()?;
        for name in all {
            folder = folder.make_one(&name, mode)?;
        }
        Ok((folder, last))
    }

    /// Whatever the process's umask took away.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode)).map_err(call("change the mode of", &self.path))
    }

    pub fn has(&self, name: &CStr) -> Result<bool> {
        self.look(name).map(|found| found.is_some())
    }

    pub(crate) fn join(&self, name: &CStr) -> PathBuf {
        self.path.join(OsStr::from_bytes(name.to_bytes()))
    }

    /// Names what has that name without opening it; None when nothing has.
    pub(crate) fn look(&self, name: &CStr) -> Result<Option<Found>> {
        let path = self.join(name);
        let fd = match rustix::fs::openat(&self.fd, name, NAME, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(call("open", path)(error)),
        };
        Found::of(fd, path).map(Some)
    }
}

/// A file that is named by a descriptor and not opened.
#[derive(Debug)]
pub struct Found {
    pub(crate) fd: OwnedFd,
    pub(crate) stat: rustix::fs::Stat,
    pub(crate) path: PathBuf,
}

impl Found {
    fn of(fd: OwnedFd, path: PathBuf) -> Result<Self> {
        let stat = rustix::fs::fstat(&fd).map_err(call("stat", &path))?;
        Ok(Self { fd, stat, path })
    }

    pub(crate) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    pub(crate) fn mount(&self) -> Result<u64> {
        mount_id(self.fd.as_fd()).map_err(call("stat", &self.path))
    }

    /// Opens what was found, which must be a regular file: the link in /proc leads to that very file.
    pub(crate) fn reopen(&self, flags: OFlags) -> Result<OwnedFd> {
        if self.kind() != FileType::RegularFile {
            return Err(not("a regular file", &self.path));
        }
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
        rustix::fs::open(descriptor(self.fd.as_fd()), flags, Mode::empty()).map_err(call("open", &self.path))
    }
}

/// Refuses links and all else that is no folder.
pub(crate) fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(parent, name, FOLDER, Mode::empty())
}

pub(crate) fn not(wanted: &'static str, path: impl AsRef<Path>) -> Error {
    Error::Kind { path: shown(path), wanted }
}

/// A path that means exactly what the descriptor does.
pub(crate) fn descriptor(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// The names of a relative path, none of which leads up.
pub(crate) fn names(path: &str) -> Result<Vec<CString>> {
    let outside = || Error::Outside(shown(path));
    if path.starts_with('/') {
        return Err(outside());
    }
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.map(|part| if part == ".." { Err(outside()) } else { CString::new(part).map_err(|_| outside()) }).collect()
}

pub(crate) fn mount_id(fd: BorrowedFd<'_>) -> rustix::io::Result<u64> {
    if let Ok(stat) = rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, MOUNT_ID)
        && stat.stx_mask & MOUNT_ID.bits() != 0
    {
        return Ok(stat.stx_mnt_id);
    }
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    found.ok_or(Errno::NOSYS)
}

pub(crate) fn identity(fd: BorrowedFd<'_>) -> rustix::io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}
