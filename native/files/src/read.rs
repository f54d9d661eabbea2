//! Regular files, and nothing else.

use std::{
    ffi::CStr,
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    os::fd::OwnedFd,
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use crate::{
    error::{Result, call},
    place::{Folder, Found, not},
};

pub(crate) fn found(folder: &Folder, name: &CStr) -> Result<Found> {
    folder.look(name)?.ok_or_else(|| call("open", folder.join(name))(Errno::NOENT))
}

/// Opens a regular file for reading.
pub fn open(folder: &Folder, name: &CStr) -> Result<OwnedFd> {
    found(folder, name)?.reopen(OFlags::RDONLY)
}

/// Makes a new file, for writing; what has the name already is an error.
pub fn create(folder: &Folder, name: &CStr, mode: u32) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = folder.join(name);
    let fd = rustix::fs::openat(&folder.fd, name, flags, Mode::from_raw_mode(0o600)).map_err(call("create", &path))?;
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode)).map_err(call("create", &path))?;
    Ok(fd)
}

/// At most `limit` bytes: the last of the file.
pub fn read_end(folder: &Folder, name: &CStr, limit: u64) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| call("read", folder.join(name))(errno(&error));
    let mut file = File::from(open(folder, name)?);
    let size = file.metadata().map_err(failed)?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(limit))).map_err(failed)?;
    let mut data = Vec::new();
    file.take(limit).read_to_end(&mut data).map_err(failed)?;
    Ok(data)
}

/// Writes a whole file in its place, so that who has it mounted sees it; makes it when it is missing.
pub fn write(folder: &Folder, name: &CStr, data: &[u8], mode: u32) -> Result<()> {
    let path = folder.join(name);
    let fd = match folder.look(name)? {
        Some(found) => found.reopen(OFlags::WRONLY | OFlags::TRUNC)?,
        None => create(folder, name, mode)?,
    };
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode)).map_err(call("write", &path))?;
    File::from(fd).write_all(data).map_err(|error| call("write", path)(errno(&error)))
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_folder: bool,
    /// Bytes of content.
    pub size: u64,
    /// Bytes on disk.
    pub disk: u64,
}

/// What is in the folder, without names that are no text: the agent gives none of those.
pub fn list(folder: &Folder) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(&folder.fd).map_err(call("read", &folder.path))? {
        let entry = entry.map_err(call("read", &folder.path))?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        let stat = match rustix::fs::statat(&folder.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(call("stat", folder.path.join(name))(error)),
        };
        entries.push(Entry {
            name: name.to_owned(),
            is_folder: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
            size: stat.st_size.unsigned_abs(),
            disk: stat.st_blocks.unsigned_abs() * 512,
        });
    }
    Ok(entries)
}

/// Gives a file of the folder a name in it, or in the other folder.
pub fn rename(folder: &Folder, from: &CStr, other: &Folder, to: &CStr) -> Result<()> {
    rustix::fs::renameat(&folder.fd, from, &other.fd, to).map_err(call("rename", folder.join(from)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Bytes of content.
    pub size: u64,
    pub inode: u64,
}

/// Of a regular file; None when there is none.
pub fn stat(folder: &Folder, name: &CStr) -> Result<Option<Stat>> {
    match folder.look(name)? {
        Some(Found { stat, .. }) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            Ok(Some(Stat { size: stat.st_size.unsigned_abs(), inode: stat.st_ino }))
        }
        Some(found) => Err(not("a regular file", found.path)),
        None => Ok(None),
    }
}
