//! mount(2) as runtimes describe it: type, source, and options by their names in fstab(5). The target is held by a
//! descriptor, as everywhere here.

use std::{
    ffi::{CStr, CString},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::StatVfsMountFlags,
    mount::{MountFlags, mount_bind, mount_bind_recursive, mount_remount},
};

use crate::{
    error::{Error, Result, call, shown},
    mounts,
    place::{Folder, Found, descriptor},
    read,
};

/// The kernel takes a page of options, with the zero at its end.
const MOST_DATA: usize = 4095;
const LAYERS: &str = "lowerdir=";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// A file system, or `bind`.
    pub kind: String,
    pub source: String,
    pub options: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Options<'a> {
    flags: MountFlags,
    bind: Option<Bind>,
    /// For the file system itself, which refuses what it does not know.
    data: Vec<&'a str>,
}

#[derive(Debug, PartialEq, Eq)]
enum Bind {
    One,
    Recursive,
}

fn options<'a>(kind: &str, given: &'a [String]) -> Options<'a> {
    let mut options = Options { flags: MountFlags::empty(), bind: (kind == "bind").then_some(Bind::One), data: vec![] };
    for option in given {
        match option.as_str() {
            "bind" => options.bind = options.bind.or(Some(Bind::One)),
            "rbind" => options.bind = Some(Bind::Recursive),
            "" | "defaults" => {}
            "ro" => options.flags.insert(MountFlags::RDONLY),
            "rw" => options.flags.remove(MountFlags::RDONLY),
            "nosuid" => options.flags.insert(MountFlags::NOSUID),
            "nodev" => options.flags.insert(MountFlags::NODEV),
            "noexec" => options.flags.insert(MountFlags::NOEXEC),
            "noatime" => options.flags.insert(MountFlags::NOATIME),
            "nodiratime" => options.flags.insert(MountFlags::NODIRATIME),
            "relatime" => options.flags.insert(MountFlags::RELATIME),
            "strictatime" => options.flags.insert(MountFlags::STRICTATIME),
            "sync" => options.flags.insert(MountFlags::SYNCHRONOUS),
            "dirsync" => options.flags.insert(MountFlags::DIRSYNC),
            other => options.data.push(other),
        }
    }
    options
}

/// Mounts at that name, a folder (for a bind mount, a file as well) that is there. A bind mount that cannot get its flags
/// is taken off again.
pub fn mount(folder: &Folder, name: &CStr, spec: &Spec) -> Result<()> {
    let target = read::found(folder, name)?;
    let Options { flags, bind, data } = options(&spec.kind, &spec.options);
    match bind {
        Some(bind) => {
            bind_at(&target, Path::new(&spec.source), &bind)?;
            if flags.is_empty() {
                return Ok(());
            }
            // The call that binds takes no flags.
            remount(folder, name, flags).inspect_err(|_| drop(mounts::unmount_one(folder, name)))
        }
        None => mount_file_system(&target, spec, flags, &data),
    }
}

fn bind_at(target: &Found, source: &Path, bind: &Bind) -> Result<()> {
    let place = descriptor(target.fd.as_fd());
    let result = match bind {
        Bind::One => mount_bind(source, place),
        Bind::Recursive => mount_bind_recursive(source, place),
    };
    result.map_err(call("bind", &target.path))
}

/// Flags of the mount at that name; those that it has already stay.
fn remount(folder: &Folder, name: &CStr, flags: MountFlags) -> Result<()> {
    let mounted = read::found(folder, name)?;
    let now = rustix::fs::fstatvfs(&mounted.fd).map_err(call("stat", &mounted.path))?.f_flag;
    let kept = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
    ];
    let kept = kept.into_iter().filter(|(has, _)| now.contains(*has)).map(|(_, flag)| flag);
    let flags = kept.fold(flags | MountFlags::BIND, MountFlags::union);
    mount_remount(descriptor(mounted.fd.as_fd()), flags, "").map_err(call("remount", &mounted.path))
}

/// What is mounted at that name can be written to by nobody any more, by this mount. Fails when nothing is mounted there.
pub fn make_read_only(folder: &Folder, name: &CStr) -> Result<()> {
    remount(folder, name, MountFlags::RDONLY)
}

fn mount_file_system(target: &Found, spec: &Spec, flags: MountFlags, data: &[&str]) -> Result<()> {
    let failed = || call("mount", &target.path);
    let text = data.join(",");
    // Held until the kernel has read the names.
    let shared = match shortened(data).filter(|_| text.len() > MOST_DATA) {
        Some(short) => Some((Folder::open(&short.folder)?, short)),
        None => None,
    };
    let text = match &shared {
        Some((folder, short)) => short.data(&descriptor(folder.as_fd())),
        None => text,
    };
    let text = CString::new(text).map_err(|_| Error::Outside(shown(&target.path)))?;
    let place = descriptor(target.fd.as_fd());
    rustix::mount::mount(spec.source.as_str(), place, spec.kind.as_str(), flags, text.as_c_str()).map_err(failed())
}

/// Options whose layers are named from the folder that they share.
#[derive(Debug, PartialEq, Eq)]
struct Shortened<'a> {
    folder: PathBuf,
    layers: Vec<&'a str>,
    others: Vec<&'a str>,
}

impl Shortened<'_> {
    fn data(&self, folder: &Path) -> String {
        let layers: Vec<String> = self.layers.iter().map(|layer| format!("{}/{layer}", folder.display())).collect();
        let mut data: Vec<&str> = self.others.clone();
        let layers = format!("{LAYERS}{}", layers.join(":"));
        data.push(&layers);
        data.join(",")
    }
}

/// An image's many layers, each with its whole path, may be more than a page. None when there are no two of them.
fn shortened<'a>(data: &[&'a str]) -> Option<Shortened<'a>> {
    let at = data.iter().position(|option| option.starts_with(LAYERS))?;
    let layers: Vec<&str> = data[at][LAYERS.len()..].split(':').collect();
    let (first, rest) = layers.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let parent = |layer: &'a str| Path::new(layer).parent().unwrap_or(Path::new("/"));
    let shares = |folder: &&Path| rest.iter().all(|layer| parent(layer).starts_with(folder));
    let folder = parent(first).ancestors().find(shares)?;
    let names = layers.iter().map(|layer| Path::new(*layer).strip_prefix(folder).ok()?.to_str());
    Some(Shortened {
        folder: folder.to_path_buf(),
        layers: names.collect::<Option<_>>()?,
        others: data.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, option)| *option).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(options: &[&str]) -> Vec<String> {
        options.iter().map(|option| (*option).to_owned()).collect()
    }

    #[test]
    fn options_are_flags_or_for_the_file_system() {
        let bind = given(&["rbind", "ro"]);
        assert_eq!(
            options("bind", &bind),
            Options { flags: MountFlags::RDONLY, bind: Some(Bind::Recursive), data: vec![] }
        );
        let overlay = given(&["index=off", "ro", "nodev", "lowerdir=/a:/b", "rw"]);
        let expected = Options { flags: MountFlags::NODEV, bind: None, data: vec!["index=off", "lowerdir=/a:/b"] };
        assert_eq!(options("overlay", &overlay), expected);
    }

    #[test]
    fn layers_are_named_from_the_folder_that_they_share() {
        let of = |lower: &'static str| shortened(&["index=off", lower]).map(|short| (short.folder, short.layers));
        let cases = [
            ("lowerdir=/data/snapshots/12/fs:/data/snapshots/3/fs", Some(("/data/snapshots", vec!["12/fs", "3/fs"]))),
            ("lowerdir=/a/1:/b/2", Some(("/", vec!["a/1", "b/2"]))),
            ("lowerdir=/a/1:/a/2", Some(("/a", vec!["1", "2"]))),
            ("lowerdir=/a/1", None),
            ("upperdir=/a/1:/a/2", None),
        ];
        for (lower, expected) in cases {
            assert_eq!(of(lower), expected.map(|(folder, layers)| (PathBuf::from(folder), layers)), "{lower}");
        }
        let short = shortened(&["lowerdir=/a/1:/a/2", "index=off"]).unwrap();
        assert_eq!(short.data(Path::new("/proc/self/fd/9")), "index=off,lowerdir=/proc/self/fd/9/1:/proc/self/fd/9/2");
    }
}
