//! Limits on an ext4 with project quotas, in a file, mounted in a namespace of the test's own. Takes root and a kernel with
//! quotas: without them nothing is mounted, and the tests say so. `test/rigs/project-quota.rig-spec.ts` runs them on a
//! machine that has it.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use files::{place::Folder, project_quota, remove};
use rustix::{
    mount::{MountPropagationFlags, mount_change},
    thread::UnshareFlags,
};

const MIB: u64 = 1 << 20;
const SEED: u32 = 0x0123_4567;
/// A file's own blocks: its folder's, and those that say where its blocks are.
const SLACK: u64 = 64 << 10;

fn with_quotas(test: impl FnOnce(&Path) + Send + 'static) {
    let run = move || {
        // SAFETY: only the view of mounts becomes this thread's own; descriptors stay shared.
        #[allow(unsafe_code)]
        let alone = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) };
        let all = tempfile::tempdir().unwrap();
        let mounted = alone.map_err(|error| error.to_string()).and_then(|()| {
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            mount_ext4(all.path())
        });
        match mounted {
            Ok(disk) => test(&disk),
            Err(error) => {
                // The rig has it, and no reason to skip.
                assert!(std::env::var_os("BERTH_TEST_QUOTA").is_none(), "{error}");
                eprintln!("skipped: {error}");
            }
        }
    };
    if let Err(panic) = thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

fn mount_ext4(all: &Path) -> Result<PathBuf, String> {
    let (image, disk) = (all.join("image"), all.join("disk"));
    fs::File::create(&image).unwrap().set_len(64 * MIB).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::set_permissions(all, fs::Permissions::from_mode(0o755)).unwrap();
    run(Command::new("mkfs.ext4").args(["-q", "-O", "quota,project", "-E", "quotatype=prjquota"]).arg(&image))?;
    run(Command::new("mount").args(["-o", "loop,prjquota"]).args([&image, &disk]))?;
    Ok(disk)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let failed = || format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.status.success().then_some(()).ok_or_else(failed)
}

fn volume(disk: &Path, name: &str) -> Folder {
    let path = disk.join(name);
    fs::create_dir_all(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    Folder::open(&path).unwrap()
}

/// Bytes that a user without privileges could write of those that were asked for. Root is not limited on ext4.
fn write(disk: &Path, file: &str, bytes: u64) -> u64 {
    let path = disk.join(file);
    let script = r#"head -c "$1" /dev/zero > "$2""#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", &bytes.to_string()]).arg(&path).uid(65534).gid(65534);
    let _ = command.output().unwrap();
    fs::metadata(&path).map_or(0, |found| found.len())
}

#[test]
fn a_folder_holds_no_more_than_its_limit_until_that_is_raised() {
    with_quotas(|disk| {
        let folder = volume(disk, "one");
        assert_eq!(project_quota::limit(&folder, 2 * MIB, SEED), Ok(true));
        fs::create_dir(disk.join("one/deep")).unwrap();
        fs::set_permissions(disk.join("one/deep"), fs::Permissions::from_mode(0o777)).unwrap();
        let written = write(disk, "one/deep/file", 8 * MIB);
        assert!((2 * MIB - SLACK..=2 * MIB).contains(&written), "{written}");
        // What the pod sees as its disk is as large as its claim.
        let seen = rustix::fs::statvfs(disk.join("one")).unwrap();
        assert_eq!(seen.f_blocks * seen.f_frsize, 2 * MIB);
        assert_eq!(project_quota::limit(&folder, 4 * MIB, SEED), Ok(true));
        assert_eq!(write(disk, "one/second", MIB), MIB);
        volume(disk, "beside");
        assert_eq!(write(disk, "beside/file", 8 * MIB), 8 * MIB);
    });
}

#[test]
fn folders_with_the_same_seed_have_limits_of_their_own() {
    with_quotas(|disk| {
        let (one, two) = (volume(disk, "one"), volume(disk, "two"));
        assert_eq!(project_quota::limit(&one, MIB, SEED), Ok(true));
        assert_eq!(project_quota::limit(&two, 4 * MIB, SEED), Ok(true));
        assert!(write(disk, "one/file", 2 * MIB) <= MIB);
        assert_eq!(write(disk, "two/file", 2 * MIB), 2 * MIB);
        // The limit of one goes, that of the other stays.
        project_quota::clear(&one, SEED).unwrap();
        assert_eq!(write(disk, "one/file", 8 * MIB), 8 * MIB);
        assert!(write(disk, "two/file", 8 * MIB) <= 4 * MIB);
    });
}

#[test]
fn a_folder_that_goes_leaves_no_limit() {
    with_quotas(|disk| {
        for size in [MIB, 4 * MIB] {
            let folder = volume(disk, "one");
            assert_eq!(project_quota::limit(&folder, size, SEED), Ok(true));
            assert!(write(disk, "one/file", 8 * MIB).abs_diff(size) <= SLACK);
            project_quota::clear(&folder, SEED).unwrap();
            remove::remove(&Folder::open(disk).unwrap(), c"one").unwrap();
        }
    });
}

#[test]
fn files_that_were_there_before_are_not_limited() {
    with_quotas(|disk| {
        let folder = volume(disk, "old");
        assert_eq!(write(disk, "old/file", MIB), MIB);
        assert_eq!(project_quota::limit(&folder, MIB, SEED), Ok(false));
        assert_eq!(write(disk, "old/more", 2 * MIB), 2 * MIB);
        project_quota::clear(&folder, SEED).unwrap();
    });
}
