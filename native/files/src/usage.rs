//! What a tree takes on its disk.

use std::{
    collections::HashSet,
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{
    fs::{AtFlags, Stat},
    io::{Errno, Result as Call},
};

use crate::{
    error::{Error, Result},
    place::Folder,
    walk::{Visitor, walk},
};

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub bytes: u64,
    pub inodes: u64,
}

#[derive(Default)]
struct Count {
    usage: Usage,
    /// Files with many names that were counted.
    linked: HashSet<(u64, u64)>,
}

impl Count {
    fn add(&mut self, stat: &Stat) {
        // 512 whatever the file system's block is: stat(2).
        self.usage.bytes += stat.st_blocks.unsigned_abs() * 512;
        self.usage.inodes += 1;
    }
}

impl Visitor for Count {
    const OPERATION: &'static str = "stat";

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &CStr) -> Call<()> {
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        if stat.st_nlink < 2 || self.linked.insert((stat.st_dev, stat.st_ino)) {
            self.add(&stat);
        }
        Ok(())
    }

    fn enter(&mut self, folder: BorrowedFd<'_>) -> Call<()> {
        self.add(&rustix::fs::fstat(folder.as_fd())?);
        Ok(())
    }

    fn lost(&mut self, _error: Error) -> Result<()> {
        Ok(())
    }
}

/// The folder with all that is in it on its mount; files with many names count once. What goes meanwhile counts nothing.
pub fn usage(folder: &Folder) -> Result<Usage> {
    let mut count = Count::default();
    walk(folder, &mut count)?;
    Ok(count.usage)
}
