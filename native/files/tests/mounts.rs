//! Mounts in a namespace of the test's own. Takes root: without it nothing is mounted, and the tests say so.

use std::{
    ffi::{CString, OsStr},
    fs,
    os::{fd::AsFd, unix::ffi::OsStrExt, unix::fs::symlink},
    path::{Path, PathBuf},
    thread,
};

use files::{bind, error::Error, mount, mounts, place::Folder, remove};
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

fn spec(kind: &str, source: &Path, options: &[&str]) -> mount::Spec {
    let source = source.to_str().unwrap().to_owned();
    mount::Spec { kind: kind.to_owned(), source, options: options.iter().map(|option| (*option).to_owned()).collect() }
}

#[test]
fn a_bind_mount_gets_its_flags() {
    apart(|all| {
        let folder = Folder::open(&all.join("inside")).unwrap();
        fs::create_dir(all.join("inside/place")).unwrap();
        mount::mount(&folder, c"place", &spec("bind", &all.join("outside"), &["rbind", "ro", "noexec"])).unwrap();
        assert!(fs::write(all.join("inside/place/new"), "").is_err());
        let table = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let line = table.lines().find(|line| line.contains("/inside/place ")).unwrap();
        assert!(line.contains(" ro,") && line.contains("noexec"), "{line}");
        mounts::unmount(&folder, c"place").unwrap();
        mount::mount(&folder, c"place", &spec("bind", &all.join("outside"), &[])).unwrap();
        fs::write(all.join("inside/place/new"), "").unwrap();
        mount::make_read_only(&folder, c"place").unwrap();
        assert!(fs::remove_file(all.join("inside/place/new")).is_err());
        mounts::unmount(&folder, c"place").unwrap();
        assert!(mount::make_read_only(&folder, c"place").is_err(), "nothing is mounted there");
        fs::remove_file(all.join("outside/new")).unwrap();
    });
}

#[test]
fn a_file_system_is_mounted_with_its_options() {
    apart(|all| {
        let folder = Folder::open(&all.join("inside")).unwrap();
        fs::create_dir(all.join("inside/place")).unwrap();
        mount::mount(&folder, c"place", &spec("tmpfs", Path::new("tmpfs"), &["size=64k", "nosuid"])).unwrap();
        let used = fs::File::create(all.join("inside/place/file")).unwrap();
        let error = mounts::unmount(&folder, c"place").unwrap_err().to_string();
        assert!(error.starts_with("unmount ") && error.contains("/inside/place: "), "{error}");
        assert!(mounts::is_mounted(&folder, c"place").unwrap(), "never lazily");
        drop(used);
        mounts::unmount(&folder, c"place").unwrap();
        assert!(mount::mount(&folder, c"place", &spec("tmpfs", Path::new("tmpfs"), &["no-such-option"])).is_err());
        symlink("../outside", all.join("inside/link")).unwrap();
        assert!(mount::mount(&folder, c"link", &spec("tmpfs", Path::new("tmpfs"), &[])).is_err());
        assert!(mounts::below(&folder).unwrap().is_empty());
    });
}

#[test]
fn an_image_of_many_layers_is_mounted() {
    apart(|all| {
        let folder = Folder::open(&all.join("inside")).unwrap();
        fs::create_dir(all.join("inside/place")).unwrap();
        // An overlay cannot lie on another one, which /tmp may be.
        fs::create_dir(all.join("inside/disk")).unwrap();
        mount::mount(&folder, c"disk", &spec("tmpfs", Path::new("tmpfs"), &[])).unwrap();
        let parent = all.join("inside/disk").join("a-folder-with-a-long-name".repeat(4));
        let layers: Vec<String> = (0..100)
            .map(|layer| {
                let path = parent.join(layer.to_string()).join("fs");
                fs::create_dir_all(&path).unwrap();
                fs::write(path.join(layer.to_string()), "").unwrap();
                path.to_str().unwrap().to_owned()
            })
            .collect();
        let lower = format!("lowerdir={}", layers.join(":"));
        assert!(lower.len() > 2 * 4096);
        mount::mount(&folder, c"place", &spec("overlay", Path::new("overlay"), &["ro", &lower])).unwrap();
        assert_eq!(fs::read_dir(all.join("inside/place")).unwrap().count(), 100);
        mounts::unmount_below(&folder).unwrap();
    });
}
