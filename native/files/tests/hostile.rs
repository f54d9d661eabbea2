//! Threads that swap folders and links while the others work: nothing outside may change.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use files::{
    group,
    payload::{self, File, Payload},
    place::Folder,
    remove, sub_path, usage,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Long enough for some ten thousand swaps.
const TIME: Duration = Duration::from_secs(2);

fn swapping(place: &Path, link: &Path, work: impl Fn()) {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                let _ = renameat_with(CWD, place, CWD, link, RenameFlags::EXCHANGE);
            }
        });
        let begun = Instant::now();
        while begun.elapsed() < TIME {
            work();
        }
        ends.store(true, Ordering::Relaxed);
    });
}

fn outside(all: &Path) -> impl Fn() + use<> {
    let outside = all.join("outside");
    fs::create_dir_all(outside.join("folder")).unwrap();
    fs::write(outside.join("folder/file"), "sings").unwrap();
    let state = move || {
        let of = |path: &Path| {
            let found = fs::metadata(path).unwrap();
            (found.mode(), found.gid(), found.ctime_nsec())
        };
        let names = [&outside, &outside.join("folder")].map(|folder| fs::read_dir(folder).unwrap().count());
        (of(&outside), of(&outside.join("folder")), of(&outside.join("folder/file")), names)
    };
    let before = state();
    move || assert_eq!(state(), before)
}

#[test]
fn a_swapped_folder_leads_no_walk_away() {
    let all = tempfile::tempdir().unwrap();
    let check = outside(all.path());
    let inside = all.path().join("inside");
    let (place, link) = (inside.join("place"), inside.join("link"));
    fs::create_dir_all(place.join("folder")).unwrap();
    symlink("../outside", &link).unwrap();
    let folder = Folder::open(&inside).unwrap();
    let group = fs::metadata(&inside).unwrap().gid();
    swapping(&place, &link, || {
        let _ = usage::usage(&folder);
        let _ = group::give(&folder, group + 1, false);
        let _ = sub_path::find(&folder, "place/new");
    });
    check();
    let _ = fs::create_dir(inside.join("gone"));
    swapping(&place, &link, || {
        for name in [c"place", c"link"] {
            let _ = remove::remove(&folder, name);
        }
        let _ = fs::create_dir_all(place.join("folder"));
        let _ = symlink("../outside", &link);
    });
    check();
}

#[test]
fn a_payload_is_written_nowhere_else() {
    let all = tempfile::tempdir().unwrap();
    let check = outside(all.path());
    let inside = all.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let folder = Folder::open(&inside).unwrap();
    let (place, link) = (inside.join("..data"), all.path().join("link"));
    symlink("../outside", &link).unwrap();
    let payload = |round: u32| -> Payload {
        let file = File { data: round.to_string().into_bytes(), mode: 0o644, owner: None };
        (0..20).map(|number| (format!("folder/{number}"), file.clone())).collect()
    };
    let round = std::cell::Cell::new(0);
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        // Links in place of the folders that are being written.
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                for entry in fs::read_dir(&inside).into_iter().flatten().flatten() {
                    // What is named by its time, and no link: this thread must not go astray itself.
                    if !entry.file_name().as_encoded_bytes().starts_with(b"..1") {
                        continue;
                    }
                    let fresh = entry.path().join("folder");
                    let _ = fs::remove_dir(&fresh);
                    let _ = symlink("../../outside/folder", &fresh);
                }
            }
        });
        swapping(&place, &link, || {
            round.set(round.get() + 1);
            let _ = payload::write(&folder, &payload(round.get()), Some(7));
        });
        ends.store(true, Ordering::Relaxed);
    });
    assert!(round.get() > 10);
    check();
}
