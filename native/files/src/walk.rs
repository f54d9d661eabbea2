//! Goes through a tree of any depth by descriptors: no recursion, no long path, few descriptors. A folder is read to its
//! end before any of its folders is entered.

use std::{
    ffi::{CStr, CString, OsStr},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
};

use rustix::{
    fs::{Dir, FileType},
    io::{Errno, Result as Call},
};

use crate::{
    error::{Error, Result, call, shown},
    place::{Folder, identity, mount_id, open_folder},
};

/// So many levels stay open; below them only the deepest is, and the way back is `..`, which is believed only when it
/// leads to the folder that the walk came from.
const KEPT: usize = 64;

/// What is done on the way. Errors get their path from the walk.
pub trait Visitor {
    /// As messages name it.
    const OPERATION: &'static str;

    /// Something that is no folder.
    fn entry(&mut self, folder: BorrowedFd<'_>, name: &CStr) -> Call<()>;

    /// A folder, before what is in it.
    fn enter(&mut self, _folder: BorrowedFd<'_>) -> Call<()> {
        Ok(())
    }

    /// A folder, after what was in it. True: it has more by now, go through it again.
    fn leave(&mut self, _parent: BorrowedFd<'_>, _name: &CStr, _times: u32) -> Call<bool> {
        Ok(false)
    }

    /// What could not be visited. Ok goes on without it.
    fn lost(&mut self, error: Error) -> Result<()> {
        Err(error)
    }
}

struct Level {
    fd: Option<OwnedFd>,
    identity: (u64, u64),
    name: CString,
    /// Names of the folders that are still to be entered, each with its NUL: one buffer, since there may be millions.
    folders: Vec<u8>,
    times: u32,
}

impl Level {
    fn next(&mut self) -> Option<CString> {
        self.folders.pop()?;
        let start = self.folders.iter().rposition(|byte| *byte == 0).map_or(0, |at| at + 1);
        CString::new(self.folders.split_off(start)).ok()
    }
}

/// Visits `root` itself with `enter`, and everything in it that is on its mount.
pub fn walk<V: Visitor>(root: &Folder, visitor: &mut V) -> Result<()> {
    let mut walk = Walk { root, levels: Vec::new() };
    let identity = identity(root.as_fd()).map_err(call("stat", &root.path))?;
    walk.enter(root.again()?.fd, CString::default(), identity, visitor)?;
    loop {
        let depth = walk.levels.len();
        let Some(level) = walk.levels.last_mut() else { return Ok(()) };
        if let Some(name) = level.next() {
            walk.open(&name, visitor)?;
        } else if depth == 1 {
            return Ok(());
        } else {
            walk.leave(visitor)?;
        }
    }
}

struct Walk<'a> {
    root: &'a Folder,
    levels: Vec<Level>,
}

impl Walk<'_> {
    fn path(&self, name: Option<&CStr>) -> PathBuf {
        let mut path = self.root.path.clone();
        for level in self.levels.iter().skip(1) {
            path.push(OsStr::from_bytes(level.name.to_bytes()));
        }
        if let Some(name) = name {
            path.push(OsStr::from_bytes(name.to_bytes()));
        }
        path
    }

    fn current(&self) -> BorrowedFd<'_> {
        // The deepest level is always open.
        self.levels.last().and_then(|level| level.fd.as_ref()).unwrap_or(&self.root.fd).as_fd()
    }

    fn open<V: Visitor>(&mut self, name: &CStr, visitor: &mut V) -> Result<()> {
        let opened = open_folder(self.current(), name);
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(()),
            // It was a folder when its name was read.
            Err(Errno::NOTDIR | Errno::LOOP) => return self.entry(name, visitor),
            Err(error) => return visitor.lost(call("open", self.path(Some(name)))(error)),
        };
        let mount = mount_id(fd.as_fd());
        if mount != Ok(self.root.mount) {
            return visitor.lost(Error::Crossing(shown(self.path(Some(name)))));
        }
        match identity(fd.as_fd()) {
            Ok(identity) => self.enter(fd, name.to_owned(), identity, visitor),
            Err(error) => visitor.lost(call("stat", self.path(Some(name)))(error)),
        }
    }

    fn enter<V: Visitor>(&mut self, fd: OwnedFd, name: CString, identity: (u64, u64), visitor: &mut V) -> Result<()> {
        if let Err(error) = visitor.enter(fd.as_fd()) {
            let name = (!self.levels.is_empty()).then_some(name.as_c_str());
            return visitor.lost(call(V::OPERATION, self.path(name))(error));
        }
        self.push(Level { fd: Some(fd), identity, name, folders: Vec::new(), times: 0 });
        self.read(visitor)
    }

    fn entry<V: Visitor>(&self, name: &CStr, visitor: &mut V) -> Result<()> {
        match visitor.entry(self.current(), name) {
            Ok(()) => Ok(()),
            Err(error) => visitor.lost(call(V::OPERATION, self.path(Some(name)))(error)),
        }
    }

    fn read<V: Visitor>(&mut self, visitor: &mut V) -> Result<()> {
        let mut folders = Vec::new();
        let entries = match Dir::read_from(self.current()) {
            Ok(entries) => entries,
            Err(error) => return visitor.lost(call("read", self.path(None))(error)),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    visitor.lost(call("read", self.path(None))(error))?;
                    break;
                }
            };
            let name = entry.file_name();
            match entry.file_type() {
                _ if name == c"." || name == c".." => {}
                // Unknown: opening it will tell.
                FileType::Directory | FileType::Unknown => folders.extend_from_slice(name.to_bytes_with_nul()),
                _ => self.entry(name, visitor)?,
            }
        }
        if let Some(level) = self.levels.last_mut() {
            level.folders = folders;
        }
        Ok(())
    }

    fn leave<V: Visitor>(&mut self, visitor: &mut V) -> Result<()> {
        let parent = self.levels.len().checked_sub(2).and_then(|at| self.levels.get(at));
        let closed = parent.filter(|level| level.fd.is_none()).map(|level| level.identity);
        let above = match closed.map(|identity| self.climb(identity)) {
            Some(None) => {
                let error = Error::Changed(shown(self.path(None)));
                // The nearest folder that is open is where it goes on.
                self.levels.truncate(KEPT);
                return visitor.lost(error);
            }
            climbed => climbed.flatten(),
        };
        let Some(mut done) = self.levels.pop() else { return Ok(()) };
        if let (Some(fd), Some(parent)) = (above, self.levels.last_mut()) {
            parent.fd = Some(fd);
        }
        match visitor.leave(self.current(), &done.name, done.times) {
            Ok(false) => Ok(()),
            Ok(true) => {
                done.times += 1;
                self.push(done);
                self.read(visitor)
            }
            Err(error) => visitor.lost(call(V::OPERATION, self.path(Some(&done.name)))(error)),
        }
    }

    fn push(&mut self, level: Level) {
        if self.levels.len() > KEPT
            && let Some(above) = self.levels.last_mut()
        {
            above.fd = None;
        }
        self.levels.push(level);
    }

    fn climb(&self, expected: (u64, u64)) -> Option<OwnedFd> {
        let fd = open_folder(self.current(), c"..").ok()?;
        let same = identity(fd.as_fd()) == Ok(expected) && mount_id(fd.as_fd()) == Ok(self.root.mount);
        same.then_some(fd)
    }
}
