//! Puts a set of files into a folder so that a reader sees all of the old or all of the new: real files in a folder with
//! a time in its name, `..data` a link to it that is swapped by a rename, and beside it one link for each top-level name.
//! The scheme is kubelet's, and programs rely on it. The folder may be hostile: volumes of older agents are writable in
//! their containers.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CStr, CString},
    fs::File as StdFile,
    io::{Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{Dir, Gid, Mode, OFlags, Uid},
    io::{Errno, Result as Call},
};

use crate::{
    error::{Error, Result, call, shown},
    place::{Folder, names},
    read,
    remove::remove,
    walk::{Visitor, walk},
};

const DATA: &CStr = c"..data";
const NEW_DATA: &CStr = c"..data_tmp";
const MAX_PATH: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub data: Vec<u8>,
    pub mode: u32,
    /// Root when None.
    pub owner: Option<u32>,
}

/// Files by relative path.
pub type Payload = BTreeMap<String, File>;

/// Gives true when something changed. With a group, its members may read, and what is made in folders keeps the group.
pub fn write(folder: &Folder, payload: &Payload, group: Option<u32>) -> Result<bool> {
    let mut paths = BTreeMap::new();
    for (path, file) in payload {
        paths.insert(checked(path)?, file);
    }
    let current = current(folder)?;
    if let Some(name) = &current
        && is_same(&folder.child(name)?, &paths)
    {
        link_names(folder, &paths)?;
        return Ok(false);
    }
    let name = fresh_name(folder)?;
    if let Err(error) = fill(folder, &name, &paths, group) {
        // What is half written goes; the error that says why is the first one.
        let _ = remove(folder, &name);
        return Err(error);
    }
    remove(folder, NEW_DATA)?;
    rustix::fs::symlinkat(&name, &folder.fd, NEW_DATA).map_err(call("link", folder.join(NEW_DATA)))?;
    match read::rename(folder, NEW_DATA, folder, DATA) {
        Err(error) if matches!(error.errno(), Some(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST)) => {
            remove(folder, DATA)?;
            read::rename(folder, NEW_DATA, folder, DATA)?;
        }
        other => other?,
    }
    link_names(folder, &paths)?;
    if let Some(old) = current {
        remove(folder, &old)?;
    }
    Ok(true)
}

/// Names of a path that is relative and stays inside.
fn checked(path: &str) -> Result<Vec<CString>> {
    let invalid = || Error::Outside(shown(path));
    let names = if path.len() > MAX_PATH { Err(invalid()) } else { names(path) }?;
    // Names with two dots at the front are the scheme's own.
    if names.first().is_none_or(|name| name.to_bytes().starts_with(b"..")) { Err(invalid()) } else { Ok(names) }
}

/// The folder that `..data` leads to: one name of the scheme's, and a real folder. Anything else is not ours.
fn current(folder: &Folder) -> Result<Option<CString>> {
    let target = match rustix::fs::readlinkat(&folder.fd, DATA, Vec::new()) {
        Ok(target) => target,
        Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
        Err(error) => return Err(call("read", folder.join(DATA))(error)),
    };
    let bytes = target.to_bytes();
    let is_ours = bytes.starts_with(b"..") && bytes.len() > 2 && !bytes.contains(&b'/') && target.as_c_str() != DATA;
    Ok((is_ours && folder.child(&target).is_ok()).then_some(target))
}

fn fresh_name(folder: &Folder) -> Result<CString> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut random = [0_u8; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).map_err(call("name", &folder.path))?;
    let name = format!("..{}.{:09}.{:016x}", now.as_secs(), now.subsec_nanos(), u64::from_le_bytes(random));
    CString::new(name).map_err(|_| Error::Outside(shown(&folder.path)))
}

fn fill(folder: &Folder, name: &CStr, files: &BTreeMap<Vec<CString>, &File>, group: Option<u32>) -> Result<()> {
    let fresh = make(folder, name, group)?;
    for (path, file) in files {
        let mut place = fresh.again()?;
        let Some((last, parents)) = path.split_last() else { continue };
        for parent in parents {
            place = match place.child(parent) {
                Err(error) if error.is_missing() => make(&place, parent, group)?,
                other => other?,
            };
        }
        let failed = || call("write", place.join(last));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&place.fd, last, flags, Mode::from_raw_mode(0o600)).map_err(failed())?;
        own(fd.as_fd(), file.mode, file.owner, group, 0o440).map_err(failed())?;
        StdFile::from(fd)
            .write_all(&file.data)
            .map_err(|error| failed()(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    }
    Ok(())
}

fn make(folder: &Folder, name: &CStr, group: Option<u32>) -> Result<Folder> {
    rustix::fs::mkdirat(&folder.fd, name, Mode::from_raw_mode(0o700)).map_err(call("make", folder.join(name)))?;
    let made = folder.child(name)?;
    own(made.as_fd(), 0o755, None, group, 0o2550).map_err(call("make", &made.path))?;
    Ok(made)
}

fn own(fd: BorrowedFd<'_>, mode: u32, owner: Option<u32>, group: Option<u32>, grouped: u32) -> Call<()> {
    if owner.is_some() || group.is_some() {
        rustix::fs::fchown(fd, Some(Uid::from_raw(owner.unwrap_or(0))), Some(Gid::from_raw(group.unwrap_or(0))))?;
    }
    let mode = if group.is_some() { mode | grouped } else { mode };
    rustix::fs::fchmod(fd, Mode::from_raw_mode(mode))
}

/// One link for each top-level name, and nothing else but the scheme's own names.
fn link_names(folder: &Folder, files: &BTreeMap<Vec<CString>, &File>) -> Result<()> {
    let wanted: BTreeSet<&CString> = files.keys().filter_map(|path| path.first()).collect();
    let mut strays = Vec::new();
    for entry in Dir::read_from(&folder.fd).map_err(call("read", &folder.path))? {
        let entry = entry.map_err(call("read", &folder.path))?;
        let name = entry.file_name();
        if !name.to_bytes().starts_with(b"..") && name != c"." && !wanted.contains(&name.to_owned()) {
            strays.push(name.to_owned());
        }
    }
    for name in strays {
        remove(folder, &name)?;
    }
    for name in wanted {
        let target = [b"..data/", name.to_bytes()].concat();
        match rustix::fs::readlinkat(&folder.fd, name, Vec::new()) {
            Ok(found) if found.to_bytes() == target => continue,
            Err(Errno::NOENT) => {}
            _ => remove(folder, name)?,
        }
        rustix::fs::symlinkat(&target, &folder.fd, name).map_err(call("link", folder.join(name)))?;
    }
    Ok(())
}

/// Whether the folder has these files with this content, and no others. What cannot be read is not the same.
fn is_same(folder: &Folder, files: &BTreeMap<Vec<CString>, &File>) -> bool {
    let has_all = files.iter().all(|(path, file)| {
        let found = path.split_last().and_then(|(last, parents)| {
            let mut place = folder.again().ok()?;
            for parent in parents {
                place = place.child(parent).ok()?;
            }
            read::open(&place, last).ok()
        });
        found.is_some_and(|fd| content_is(fd, &file.data))
    });
    let mut count = Count { files: 0, most: files.len() };
    has_all && walk(folder, &mut count).is_ok() && count.files == files.len()
}

fn content_is(fd: OwnedFd, expected: &[u8]) -> bool {
    let file = StdFile::from(fd);
    let mut found = Vec::new();
    let size = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
    size == expected.len() as u64 && file.take(size).read_to_end(&mut found).is_ok() && found == expected
}

struct Count {
    files: usize,
    most: usize,
}

impl Visitor for Count {
    const OPERATION: &'static str = "count";

    fn entry(&mut self, _folder: BorrowedFd<'_>, _name: &CStr) -> Call<()> {
        self.files += 1;
        // One too many is enough.
        if self.files > self.most { Err(Errno::TOOBIG) } else { Ok(()) }
    }
}
