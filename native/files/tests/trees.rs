//! Trees as a container may leave them.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use files::{
    error::Error,
    group,
    payload::{self, File, Payload},
    place::Folder,
    read, remove, sub_path, usage,
};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, mkfifoat, openat};

struct Scene {
    _all: tempfile::TempDir,
    inside: PathBuf,
    outside: PathBuf,
}

/// A folder to work in, and one beside it that must stay as it is.
fn scene() -> Scene {
    let all = tempfile::tempdir().unwrap();
    let (inside, outside) = (all.path().join("inside"), all.path().join("outside"));
    fs::create_dir(&inside).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("canary"), "sings").unwrap();
    fs::set_permissions(outside.join("canary"), fs::Permissions::from_mode(0o640)).unwrap();
    Scene { _all: all, inside, outside }
}

impl Scene {
    fn check(&self) {
        assert_eq!(fs::read_to_string(self.outside.join("canary")).unwrap(), "sings");
        assert_eq!(fs::metadata(self.outside.join("canary")).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(&self.outside).unwrap().count(), 1);
    }

    fn open(&self) -> Folder {
        Folder::open(&self.inside).unwrap()
    }
}

fn deep(root: &Path, levels: usize) {
    let name = "n".repeat(100);
    let mut folder = openat(CWD, root, OFlags::PATH, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&folder, &name, Mode::from_raw_mode(0o700)).unwrap();
        folder = openat(&folder, &name, OFlags::PATH, Mode::empty()).unwrap();
        let file = OFlags::CREATE | OFlags::WRONLY;
        openat(&folder, "file", file, Mode::from_raw_mode(0o600)).unwrap();
    }
}

fn payload(files: &[(&str, &str)]) -> Payload {
    let file = |text: &str| File { data: text.into(), mode: 0o644, owner: None };
    files.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect()
}

#[test]
fn a_tree_deeper_than_any_path_is_measured_given_and_removed() {
    let scene = scene();
    fs::create_dir(scene.inside.join("top")).unwrap();
    deep(&scene.inside.join("top"), 300);
    let folder = scene.open();
    assert_eq!(usage::usage(&folder).unwrap().inodes, 2 + 600);
    let own = fs::metadata(&scene.inside).unwrap().gid();
    group::give(&folder, own, false).unwrap();
    remove::remove(&folder, c"top").unwrap();
    assert_eq!(fs::read_dir(&scene.inside).unwrap().count(), 0);
}

#[test]
fn links_and_pipes_are_removed_not_followed_nor_waited_for() {
    let scene = scene();
    let top = scene.inside.join("top");
    fs::create_dir(&top).unwrap();
    symlink(&scene.outside, top.join("folder")).unwrap();
    symlink("../../outside/canary", top.join("file")).unwrap();
    mkfifoat(CWD, top.join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
    let folder = scene.open();
    assert_eq!(usage::usage(&folder).unwrap().inodes, 5);
    group::give(&folder, fs::metadata(&scene.inside).unwrap().gid(), false).unwrap();
    assert_eq!(fs::metadata(&top).unwrap().mode() & 0o7777, 0o2775);
    remove::remove(&folder, c"top").unwrap();
    remove::remove(&folder, c"top").unwrap();
    scene.check();
}

#[test]
fn a_file_with_two_names_counts_once() {
    let scene = scene();
    fs::write(scene.inside.join("one"), vec![1; 8192]).unwrap();
    fs::hard_link(scene.inside.join("one"), scene.inside.join("two")).unwrap();
    assert_eq!(usage::usage(&scene.open()).unwrap().inodes, 2);
}

#[test]
fn no_step_of_a_path_is_a_link_or_leads_up() {
    let scene = scene();
    symlink(&scene.outside, scene.inside.join("link")).unwrap();
    let folder = scene.open();
    assert!(matches!(folder.descend("link"), Err(Error::Kind { .. })));
    assert!(matches!(folder.split("link/canary"), Err(Error::Kind { .. })));
    assert!(matches!(folder.make("link/new", 0o755), Err(Error::Kind { .. })));
    for path in ["..", "../outside", "a/../..", "/etc", ""] {
        assert!(matches!(folder.split(path), Err(Error::Outside(_))), "{path}");
    }
    assert!(folder.descend("missing").unwrap_err().is_missing());
    scene.check();
}

#[test]
fn only_regular_files_are_read_and_written() {
    let scene = scene();
    fs::write(scene.inside.join("file"), "0123456789").unwrap();
    symlink("../outside/canary", scene.inside.join("link")).unwrap();
    mkfifoat(CWD, scene.inside.join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
    let folder = scene.open();
    assert_eq!(read::read_end(&folder, c"file", 4).unwrap(), b"6789");
    assert_eq!(read::read_end(&folder, c"file", 400).unwrap(), b"0123456789");
    assert!(read::read_end(&folder, c"none", 4).unwrap_err().is_missing());
    for name in [c"link", c"pipe"] {
        assert!(matches!(read::read_end(&folder, name, 4), Err(Error::Kind { .. })));
        assert!(matches!(read::write(&folder, name, b"x", 0o600), Err(Error::Kind { .. })));
        assert!(matches!(read::stat(&folder, name), Err(Error::Kind { .. })));
        assert!(read::create(&folder, name, 0o600).is_err());
    }
    read::write(&folder, c"file", b"new", 0o666).unwrap();
    assert_eq!(fs::metadata(scene.inside.join("file")).unwrap().mode() & 0o7777, 0o666);
    assert_eq!(read::stat(&folder, c"file").unwrap().map(|stat| stat.size), Some(3));
    scene.check();
}

#[test]
fn a_payload_appears_as_a_whole_and_what_was_there_goes() {
    let scene = scene();
    let folder = scene.open();
    assert!(payload::write(&folder, &payload(&[("a", "1"), ("d/e/b", "2")]), None).unwrap());
    assert!(!payload::write(&folder, &payload(&[("a", "1"), ("d/e/b", "2")]), None).unwrap());
    assert_eq!(fs::read_to_string(scene.inside.join("d/e/b")).unwrap(), "2");
    assert_eq!(fs::read_link(scene.inside.join("a")).unwrap(), Path::new("..data/a"));
    assert!(payload::write(&folder, &payload(&[("a", "2"), ("c", "3")]), None).unwrap());
    let mut names: Vec<_> =
        fs::read_dir(&scene.inside).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with(".."));
    names.sort();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(fs::read_dir(&scene.inside).unwrap().count(), 4);
    for path in ["/x", "../x", "a/../../x", "..", "..x", ""] {
        assert!(matches!(payload::write(&folder, &payload(&[(path, "")]), None), Err(Error::Outside(_))), "{path}");
    }
}

#[test]
fn a_payload_follows_none_of_the_links_that_a_container_left() {
    for target in ["../outside", ".", "..", "..data", "/", "..x/../../outside"] {
        let scene = scene();
        let folder = scene.open();
        payload::write(&folder, &payload(&[("a", "1")]), None).unwrap();
        fs::remove_file(scene.inside.join("..data")).unwrap();
        symlink(target, scene.inside.join("..data")).unwrap();
        fs::create_dir(scene.inside.join("..data_tmp")).unwrap();
        fs::remove_file(scene.inside.join("a")).unwrap();
        symlink("../outside/canary", scene.inside.join("a")).unwrap();
        assert!(payload::write(&folder, &payload(&[("a", "2")]), None).unwrap(), "{target}");
        assert_eq!(fs::read_to_string(scene.inside.join("a")).unwrap(), "2");
        scene.check();
    }
    // A folder where the link should be, and a pipe where a file was.
    let scene = scene();
    let folder = scene.open();
    payload::write(&folder, &payload(&[("a", "1")]), None).unwrap();
    fs::remove_file(scene.inside.join("..data/a")).unwrap();
    mkfifoat(CWD, scene.inside.join("..data/a"), Mode::from_raw_mode(0o600)).unwrap();
    assert!(payload::write(&folder, &payload(&[("a", "1")]), None).unwrap());
    fs::remove_file(scene.inside.join("..data")).unwrap();
    fs::create_dir_all(scene.inside.join("..data/x")).unwrap();
    assert!(payload::write(&folder, &payload(&[("a", "1")]), None).unwrap());
    assert_eq!(fs::read_to_string(scene.inside.join("a")).unwrap(), "1");
}

#[test]
fn a_sub_path_is_made_and_its_links_stay_inside() {
    let scene = scene();
    fs::set_permissions(&scene.inside, fs::Permissions::from_mode(0o777)).unwrap();
    let folder = scene.open();
    sub_path::find(&folder, "a/b").unwrap();
    assert_eq!(fs::metadata(scene.inside.join("a/b")).unwrap().mode() & 0o7777, 0o777);
    fs::write(scene.inside.join("a/b/file"), "").unwrap();
    symlink("b/../b/./file", scene.inside.join("a/good")).unwrap();
    let inode = |path: &str| {
        let found = sub_path::find(&folder, path).unwrap();
        rustix::fs::fstat(found).unwrap().st_ino
    };
    assert_eq!(inode("a/good"), fs::metadata(scene.inside.join("a/b/file")).unwrap().ino());
    symlink("../../outside", scene.inside.join("a/up")).unwrap();
    symlink(&scene.outside, scene.inside.join("a/away")).unwrap();
    symlink("loop", scene.inside.join("loop")).unwrap();
    for path in ["a/up", "a/up/new", "a/away/canary", "../outside", "/etc"] {
        assert!(matches!(sub_path::find(&folder, path), Err(Error::Outside(_))), "{path}");
    }
    assert!(sub_path::find(&folder, "loop").is_err());
    scene.check();
}
