//! Limits of what folders may hold, by the project quotas of ext4 and XFS. A limited folder is a project of its own, which
//! all that is made in it inherits. The kernel keeps the limit, and the folder says its project: nothing is noted elsewhere.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::{
    fs::Dir,
    io::{Errno, Result as Call},
};

use crate::{
    error::{Result, call},
    place::Folder,
    quota_syscalls::{self as calls, Attributes, INHERITS},
};

/// Our projects are above those of /etc/projid and of container runtimes, which count from the bottom.
const FIRST: u32 = 1 << 30;
const MASK: u32 = FIRST - 1;
/// Projects that a folder may have: the one that its seed says, and those after it if that is taken.
const CHOICES: u32 = 64;
/// The kernel counts in these, in bytes.
const BLOCK: u64 = 1024;

/// Gives the folder that limit, or another one. False where the file system enforces none or this process may set none, for a
/// folder that is in another project, and for one that had files before it could get a project: they would not count.
pub fn limit(folder: &Folder, bytes: u64, seed: u32) -> Result<bool> {
    permitted(limit_fd(folder.as_fd(), bytes, seed), false).map_err(call("limit", &folder.path))
}

/// Takes the limit off the folder, if it has one by `limit` with that seed.
pub fn clear(folder: &Folder, seed: u32) -> Result<()> {
    permitted(clear_fd(folder.as_fd(), seed), ()).map_err(call("take the limit off", &folder.path))
}

/// Quotas take the capabilities of the machine's own user namespace: a node in another one goes without.
fn permitted<T>(result: Call<T>, without: T) -> Call<T> {
    match result {
        Err(Errno::PERM) => Ok(without),
        other => other,
    }
}

fn limit_fd(folder: BorrowedFd<'_>, bytes: u64, seed: u32) -> Call<bool> {
    if !calls::enforced(folder)? {
        return Ok(false);
    }
    let project = match own_project(calls::attributes(folder)?, seed) {
        Some(project) => project,
        None => match join(folder, seed)? {
            Some(project) => project,
            None => return Ok(false),
        },
    };
    calls::set_limit(folder, project, bytes.div_ceil(BLOCK))?;
    Ok(true)
}

fn clear_fd(folder: BorrowedFd<'_>, seed: u32) -> Call<()> {
    if !calls::enforced(folder)? {
        return Ok(());
    }
    match own_project(calls::attributes(folder)?, seed) {
        Some(project) => calls::set_limit(folder, project, 0),
        None => Ok(()),
    }
}

/// The project of a folder that has one by its seed. A container may give its folder any number: it is not believed.
fn own_project(Attributes { flags, project, .. }: Attributes, seed: u32) -> Option<u32> {
    let ours = flags & INHERITS != 0 && choices(seed).any(|choice| choice == project);
    ours.then_some(project)
}

fn choices(seed: u32) -> impl Iterator<Item = u32> {
    (0..CHOICES).map(move |step| FIRST | (seed.wrapping_add(step) & MASK))
}

/// Makes the folder a project of its own.
fn join(folder: BorrowedFd<'_>, seed: u32) -> Call<Option<u32>> {
    let mut attributes = calls::attributes(folder)?;
    if attributes.project != 0 || !is_empty(folder)? {
        return Ok(None);
    }
    for project in choices(seed) {
        if calls::is_free(folder, project)? {
            attributes.flags |= INHERITS;
            attributes.project = project;
            calls::set_attributes(folder, attributes)?;
            return Ok(Some(project));
        }
    }
    Ok(None)
}

fn is_empty(folder: BorrowedFd<'_>) -> Call<bool> {
    for entry in Dir::read_from(folder)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project_of(flags: u32, project: u32, seed: u32) -> Option<u32> {
        let mut attributes = Attributes::default();
        (attributes.flags, attributes.project) = (flags, project);
        own_project(attributes, seed)
    }

    #[test]
    fn a_folder_is_believed_to_be_of_a_project_near_its_seed() {
        for (flags, project, seed, expected) in [
            (INHERITS, FIRST | 7, 7, true),
            (INHERITS, FIRST | 8, 7, true),
            (INHERITS, FIRST | 6, 7, false),
            (INHERITS, FIRST | (7 + CHOICES), 7, false),
            (INHERITS, 7, 7, false),
            (INHERITS, FIRST, u32::MAX, true),
            (INHERITS, 0, 0, false),
            (0, FIRST | 7, 7, false),
        ] {
            assert_eq!(project_of(flags, project, seed).is_some(), expected, "{flags} {project:x} {seed}");
        }
    }

    #[test]
    fn who_may_set_no_quotas_goes_without() {
        assert_eq!(permitted(Err(Errno::PERM), false), Ok(false));
        assert_eq!(permitted(Err(Errno::IO), false), Err(Errno::IO));
        assert_eq!(permitted(Ok(true), false), Ok(true));
    }

    #[test]
    fn a_file_system_without_project_quotas_limits_nothing() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let folder = Folder::open(folder.path()).unwrap();
        assert_eq!(limit(&folder, 1 << 20, 7), Ok(false));
        assert_eq!(clear(&folder, 7), Ok(()));
    }
}
