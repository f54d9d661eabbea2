//! Mounts in a namespace of the test's own. Takes root: without it nothing is mounted, and the tests say so.

use std::{
    ffi::{CString, OsStr},
    fs,
    os::{fd::AsFd, unix::ffi::OsStrExt, unix::fs::symlink},
    path::{Path, PathBuf},
    thread,
};

use files::{bind, error::Error, mounts, place::Folder, remove};
use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    thread::UnshareFlags,
};

/// Runs in a mount namespace that ends with the thread.
fn apart(test: impl FnOnce(&Path) + Send + 'static) {
    let run = move || {
        // SAFETY: only the view of mounts becomes this thread's own; descriptors stay shared.
        #[allow(unsafe_code)]
        if let Err(error) = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) } {
            eprintln!("skipped: no mount namespace without root: {error}");
            return;
        }
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        let all = tempfile::tempdir().unwrap();
        fs::create_dir_all(all.path().join("outside")).unwrap();
        fs::write(all.path().join("outside/canary"), "sings").unwrap();
        fs::create_dir_all(all.path().join("inside/pod/volume")).unwrap();
        test(all.path());
        assert_eq!(fs::read_to_string(all.path().join("outside/canary")).unwrap(), "sings");
    };
    if let Err(panic) = thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

fn mount_at(all: &Path, name: &[u8]) -> PathBuf {
    let place = all.join("inside/pod/volume").join(OsStr::from_bytes(name));
    fs::create_dir_all(&place).unwrap();
    mount_bind(all.join("outside"), &place).unwrap();
    place
}

#[test]
fn nothing_is_removed_while_something_is_mounted_below() {
    apart(|all| {
        let folder = Folder::open(&all.join("inside")).unwrap();
        for name in [&b"plain"[..], b"a blank", b"a\nnewline\ttab\\", b"no \xff\xfe text", b"deep/er"] {
            let place = mount_at(all, name);
            assert!(matches!(remove::remove(&folder, c"pod"), Err(Error::Mounted(_))));
            let (parent, last) = (Folder::open(place.parent().unwrap()).unwrap(), place.file_name().unwrap());
            let last = CString::new(last.as_bytes()).unwrap();
            assert!(matches!(remove::remove(&parent, &last), Err(Error::Mounted(_))));
            assert!(mounts::is_mounted(&parent, &last).unwrap());
            mounts::unmount_below(&folder).unwrap();
            assert!(!mounts::is_mounted(&parent, &last).unwrap());
        }
        remove::remove(&folder, c"pod").unwrap();
    });
}

#[test]
fn mounts_upon_and_in_each_other_are_all_taken_off() {
    apart(|all| {
        fs::create_dir(all.join("outside/in")).unwrap();
        for _ in 0..3 {
            let place = mount_at(all, b"many");
            mount_bind(all.join("outside"), place.join("in")).unwrap();
        }
        // Hides all that lies below.
        mount_bind(all.join("outside"), all.join("inside/pod")).unwrap();
        let folder = Folder::open(&all.join("inside")).unwrap();
        assert_eq!(mounts::below(&folder).unwrap().len(), 7);
        mounts::unmount_below(&folder).unwrap();
        assert!(mounts::below(&folder).unwrap().is_empty());
        remove::remove(&folder, c"pod").unwrap();
        fs::remove_dir(all.join("outside/in")).unwrap();
    });
}

#[test]
fn a_folder_behind_a_link_has_the_same_mounts() {
    apart(|all| {
        mount_at(all, b"plain");
        symlink("inside", all.join("link")).unwrap();
        let folder = Folder::open(&all.join("link")).unwrap();
        assert_eq!(mounts::below(&folder).unwrap().len(), 1);
        assert!(matches!(remove::remove_contents(&folder), Err(Error::Mounted(_))));
        mounts::unmount_below(&folder).unwrap();
        remove::remove_contents(&folder).unwrap();
        assert_eq!(fs::read_dir(all.join("inside")).unwrap().count(), 0);
    });
}

#[test]
fn what_is_in_use_stays_mounted_and_is_named() {
    apart(|all| {
        let place = mount_at(all, b"busy");
        let used = fs::File::open(place.join("canary")).unwrap();
        let folder = Folder::open(&all.join("inside")).unwrap();
        let error = mounts::unmount_below(&folder).unwrap_err().to_string();
        assert!(error.starts_with("unmount ") && error.contains("/volume/busy: "), "{error}");
        drop(used);
        mounts::unmount_below(&folder).unwrap();
    });
}

#[test]
fn descriptors_are_bound_whatever_their_names_become() {
    apart(|all| {
        let source = Folder::open(&all.join("outside")).unwrap();
        let target = Folder::open(&all.join("inside")).unwrap();
        fs::rename(all.join("outside"), all.join("moved")).unwrap();
        fs::create_dir(all.join("outside")).unwrap();
        for _ in 0..2 {
            bind::bind(source.as_fd(), &target, c"bound").unwrap();
        }
        assert_eq!(mounts::below(&target).unwrap().len(), 1);
        assert_eq!(fs::read_to_string(all.join("inside/bound/canary")).unwrap(), "sings");
        mounts::unmount(&target, c"bound").unwrap();
        bind::tmpfs(&target, c"bound", "mode=0700,size=4096").unwrap();
        assert_eq!(fs::read_dir(all.join("inside/bound")).unwrap().count(), 0);
        mounts::unmount_below(&target).unwrap();
        symlink("../outside", all.join("inside/link")).unwrap();
        assert!(bind::tmpfs(&target, c"link", "").is_err());
        fs::remove_dir(all.join("outside")).unwrap();
        fs::rename(all.join("moved"), all.join("outside")).unwrap();
    });
}
