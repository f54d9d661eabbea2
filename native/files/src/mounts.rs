//! What is mounted below a folder. The kernel's table has names as bytes, as the process sees them: a folder behind a
//! link is looked for by the name that its descriptor has.

use std::{
    collections::HashSet,
    ffi::{CStr, CString, OsStr},
    os::{fd::AsFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{io::Errno, mount::UnmountFlags};

use crate::{
    error::{Error, Result, call, shown},
    place::{Folder, descriptor, not},
};

/// Of the thread: its mount namespace may be its own.
const TABLE: &str = "/proc/thread-self/mountinfo";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub id: u64,
    pub parent: u64,
    /// Where it is mounted; any bytes but NUL.
    pub point: Vec<u8>,
}

impl Mount {
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.point))
    }
}

/// proc_pid_mountinfo(5): id, parent, device, root, mount point, ... Blanks and the like are octal.
pub fn parse(table: &[u8]) -> Vec<Mount> {
    let number = |field: Option<&[u8]>| std::str::from_utf8(field?).ok()?.parse().ok();
    let line = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        let (id, parent) = (number(fields.next())?, number(fields.next())?);
        Some(Mount { id, parent, point: unescape(fields.nth(2)?) })
    };
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) = (first, tail) {
            out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            out.push(*first);
        }
    }
    out
}

/// Mounts below the folder, in the order of the table; not one on the folder itself.
pub fn below(folder: &Folder) -> Result<Vec<Mount>> {
    let prefix = prefix(folder)?;
    let table = std::fs::read(TABLE).map_err(|error| call("read", TABLE)(errno(&error)))?;
    Ok(parse(&table).into_iter().filter(|mount| mount.point.starts_with(&prefix)).collect())
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The folder's name in the table, with a slash at its end.
fn prefix(folder: &Folder) -> Result<Vec<u8>> {
    let link = descriptor(folder.as_fd());
    let mut path = rustix::fs::readlink(&link, Vec::new()).map_err(call("read", &link))?.into_bytes();
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    Ok(path)
}

/// Unmounts all that is mounted below the folder, last and deepest first, never lazily: what is in use stays mounted, the
/// error names the first of them, and the others go all the same.
pub fn unmount_below(folder: &Folder) -> Result<()> {
    let prefix = prefix(folder)?;
    let mut left = below(folder)?;
    while !left.is_empty() {
        let parents: HashSet<u64> = left.iter().map(|mount| mount.parent).collect();
        let mut failed = Ok(());
        for mount in left.iter().rev().filter(|mount| !parents.contains(&mount.id)) {
            failed = failed.and(unmount_at(folder, &mount.point[prefix.len()..]));
        }
        let now = below(folder)?;
        if let Some(stays) = now.first().filter(|_| now == left) {
            return failed.and(Err(Error::Mounted(shown(stays.path()))));
        }
        left = now;
    }
    Ok(())
}

fn unmount_at(folder: &Folder, relative: &[u8]) -> Result<()> {
    let mut names: Vec<&[u8]> = relative.split(|byte| *byte == b'/').collect();
    let last = names.pop().unwrap_or_default();
    let mut place = folder.again()?;
    for name in names {
        let name = CString::new(name).map_err(|_| Error::Outside(format!("{:?}", OsStr::from_bytes(relative))))?;
        place = place.step(&name)?.ok_or_else(|| not("a folder", place.join(&name)))?;
    }
    let last = CString::new(last).map_err(|_| Error::Outside(format!("{:?}", OsStr::from_bytes(relative))))?;
    unmount_one(&place, &last)
}

/// The parent is held and the name is not followed, so that nothing else is hit, however long the path is.
pub(crate) fn unmount_one(folder: &Folder, name: &CStr) -> Result<()> {
    let target = descriptor(folder.as_fd()).join(OsStr::from_bytes(name.to_bytes()));
    match rustix::mount::unmount(target, UnmountFlags::NOFOLLOW) {
        // Nothing is mounted there any more.
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        Err(error) => Err(call("unmount", folder.join(name))(error)),
    }
}

/// Whether something is mounted at that name.
pub fn is_mounted(folder: &Folder, name: &CStr) -> Result<bool> {
    match folder.look(name)? {
        Some(found) => Ok(found.mount()? != folder.mount),
        None => Ok(false),
    }
}

/// All that is mounted at that name, one upon another, never lazily: what is in use is an error that names the place.
/// Nothing is fine.
pub fn unmount(folder: &Folder, name: &CStr) -> Result<()> {
    while is_mounted(folder, name)? {
        unmount_one(folder, name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_table_are_any_bytes() {
        let table = b"22 27 0:21 / /proc rw - proc proc rw\n\
            31 27 0:9 / /a\\040b\\011c\\012d\\134e\xff rw shared:1 - tmpfs tmpfs rw\n\nbroken\n";
        let points: Vec<_> = parse(table).into_iter().map(|mount| (mount.id, mount.parent, mount.point)).collect();
        assert_eq!(points, [(22, 27, b"/proc".to_vec()), (31, 27, b"/a b\tc\nd\\e\xff".to_vec())]);
    }
}
