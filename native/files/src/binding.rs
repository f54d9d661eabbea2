//! N-API: thin wrappers. `root` is an absolute path of the administrator's, through links as they are; `path` is below it,
//! without links. All work is done on threads of this library's own: libuv's few are for others.
// The #[napi] macro expands to registration code that calls Node's C interface.
#![allow(unsafe_code)]

use std::{
    ffi::CString,
    os::fd::{AsFd, IntoRawFd},
    path::Path,
};

use guard::guarded;
use napi::{
    Error, Result,
    bindgen_prelude::{BigInt, Buffer, create_custom_tokio_runtime},
};
use napi_derive::{module_init, napi};

use crate::{bind, error, group, mount, mounts, payload, place::Folder, project_quota, read, remove, sub_path, usage};

/// Each call holds one while the disk is slow.
const THREADS: usize = 16;

#[module_init]
fn start_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(THREADS)
        .thread_name("files")
        .build();
    if let Ok(runtime) = runtime {
        create_custom_tokio_runtime(runtime);
    }
}

/// Missing files are told apart by Node's own code at the message's beginning.
fn failure(error: error::Error) -> Error {
    let code = if error.is_missing() { "ENOENT: " } else { "" };
    Error::from_reason(format!("{code}{error}"))
}

/// A panic in `call` is its error. Around it, the functions below only rename what it returns.
async fn work<T: Send + 'static>(call: impl FnOnce() -> error::Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(|| guarded(|| call().map_err(failure))).await {
        Ok(result) => result,
        // Only the runtime's end cancels what has begun.
        Err(stopped) => Err(Error::from_reason(stopped.to_string())),
    }
}

fn open(root: &str) -> error::Result<Folder> {
    Folder::open(Path::new(root))
}

fn split(root: &str, path: &str) -> error::Result<(Folder, CString)> {
    open(root)?.split(path)
}

/// None when something else than a folder has the name.
fn folder_at(root: &str, path: &str) -> error::Result<Option<Folder>> {
    let (folder, name) = split(root, path)?;
    folder.step(&name)
}

/// None when the folder, or one above it, is missing.
fn present<T>(result: error::Result<T>) -> error::Result<Option<T>> {
    match result {
        Err(error) if error.is_missing() => Ok(None),
        other => other.map(Some),
    }
}

#[napi(object)]
pub struct Entry {
    pub name: String,
    pub is_folder: bool,
    pub size: f64,
    pub disk: f64,
}

#[napi(object)]
pub struct Stat {
    pub size: f64,
    pub inode: BigInt,
}

#[napi(object)]
pub struct Usage {
    pub bytes: f64,
    pub inodes: f64,
}

#[napi(object)]
pub struct PayloadFile {
    pub path: String,
    pub data: Buffer,
    pub mode: u32,
    pub owner: Option<u32>,
}

#[napi]
pub async fn make_folder(root: String, path: String, mode: u32, exactly: bool) -> Result<()> {
    work(move || {
        let folder = open(&root)?.make(&path, mode)?;
        if exactly { folder.set_mode(mode) } else { Ok(()) }
    })
    .await
}

#[napi]
pub async fn list(root: String, path: String) -> Result<Vec<Entry>> {
    let found = work(move || present(open(&root).and_then(|root| read::list(&root.descend(&path)?)))).await?;
    let entry =
        |read::Entry { name, is_folder, size, disk }| Entry { name, is_folder, size: size as f64, disk: disk as f64 };
    Ok(found.unwrap_or_default().into_iter().map(entry).collect())
}

#[napi]
pub async fn stat(root: String, path: String) -> Result<Option<Stat>> {
    let found =
        work(move || present(split(&root, &path).and_then(|(folder, name)| read::stat(&folder, &name)))).await?;
    Ok(found.flatten().map(|read::Stat { size, inode }| Stat { size: size as f64, inode: inode.into() }))
}

#[napi]
pub async fn exists(root: String, path: String) -> Result<bool> {
    let found = work(move || present(split(&root, &path).and_then(|(folder, name)| folder.has(&name)))).await?;
    Ok(found.unwrap_or(false))
}

#[napi]
pub async fn read_end(root: String, path: String, limit: u32) -> Result<Buffer> {
    work(move || {
        let (folder, name) = split(&root, &path)?;
        read::read_end(&folder, &name, u64::from(limit))
    })
    .await
    .map(Buffer::from)
}

/// A descriptor that the caller closes.
#[napi]
pub async fn open_file(root: String, path: String) -> Result<i32> {
    work(move || {
        let (folder, name) = split(&root, &path)?;
        read::open(&folder, &name).map(IntoRawFd::into_raw_fd)
    })
    .await
}

/// A descriptor that the caller closes.
#[napi]
pub async fn create_file(root: String, path: String, mode: u32) -> Result<i32> {
    work(move || {
        let (folder, name) = split(&root, &path)?;
        read::create(&folder, &name, mode).map(IntoRawFd::into_raw_fd)
    })
    .await
}

#[napi]
pub async fn write_file(root: String, path: String, data: Buffer, mode: u32) -> Result<()> {
    let data = data.to_vec();
    work(move || {
        let (folder, name) = split(&root, &path)?;
        read::write(&folder, &name, &data, mode)
    })
    .await
}

#[napi]
pub async fn rename(root: String, from: String, to: String) -> Result<()> {
    work(move || {
        let (folder, from) = split(&root, &from)?;
        let (other, to) = split(&root, &to)?;
        read::rename(&folder, &from, &other, &to)
    })
    .await
}

#[napi]
pub async fn write_payload(root: String, path: String, files: Vec<PayloadFile>, group: Option<u32>) -> Result<bool> {
    let payload: payload::Payload = files
        .into_iter()
        .map(|file| (file.path, payload::File { data: file.data.to_vec(), mode: file.mode, owner: file.owner }))
        .collect();
    work(move || payload::write(&open(&root)?.make(&path, 0o755)?, &payload, group)).await
}

#[napi]
pub async fn usage(root: String, path: String) -> Result<Usage> {
    let found = work(move || present(open(&root).and_then(|root| usage::usage(&root.descend(&path)?)))).await?;
    let usage::Usage { bytes, inodes } = found.unwrap_or_default();
    Ok(Usage { bytes: bytes as f64, inodes: inodes as f64 })
}

#[napi]
pub async fn set_group(root: String, path: String, group: u32, only_on_mismatch: bool) -> Result<()> {
    work(move || group::give(&open(&root)?.descend(&path)?, group, only_on_mismatch)).await
}

/// False where the folder cannot be held to a limit. `bytes` is a whole number.
#[napi]
pub async fn set_limit(root: String, path: String, bytes: f64, seed: u32) -> Result<bool> {
    let limit = move || match folder_at(&root, &path)? {
        Some(folder) => project_quota::limit(&folder, bytes as u64, seed),
        None => Ok(false),
    };
    work(limit).await
}

#[napi]
pub async fn clear_limit(root: String, path: String, seed: u32) -> Result<()> {
    let clear = move || match folder_at(&root, &path)? {
        Some(folder) => project_quota::clear(&folder, seed),
        None => Ok(()),
    };
    work(move || present(clear())).await.map(|_| ())
}

#[napi]
pub async fn remove(root: String, path: String) -> Result<()> {
    let done = move || split(&root, &path).and_then(|(folder, name)| remove::remove(&folder, &name));
    work(move || present(done())).await.map(|_| ())
}

/// True when it was an empty folder, which is gone now.
#[napi]
pub async fn remove_empty(root: String, path: String) -> Result<bool> {
    let done = move || split(&root, &path).and_then(|(folder, name)| remove::remove_empty(&folder, &name));
    work(move || present(done())).await.map(|gone| gone.unwrap_or(false))
}

#[napi]
pub async fn remove_contents(root: String) -> Result<()> {
    work(move || present(open(&root).and_then(|root| remove::remove_contents(&root)))).await.map(|_| ())
}

/// As `remove_contents`, for a folder below the root: no link is followed on the way.
#[napi]
pub async fn empty_folder(root: String, path: String) -> Result<()> {
    let folder = move || open(&root)?.descend(&path);
    work(move || present(folder().and_then(|folder| remove::remove_contents(&folder)))).await.map(|_| ())
}

#[napi]
pub async fn bind_sub_path(volume: String, sub_path: String, root: String, path: String) -> Result<()> {
    work(move || {
        let source = sub_path::find(&open(&volume)?, &sub_path)?;
        let (folder, name) = open(&root)?.make_parents(&path, 0o750)?;
        bind::bind(source.as_fd(), &folder, &name)
    })
    .await
}

#[napi]
pub async fn mount_tmpfs(root: String, path: String, options: String) -> Result<()> {
    work(move || {
        let (folder, name) = split(&root, &path)?;
        bind::tmpfs(&folder, &name, &options)
    })
    .await
}

/// `kind`: a file system, or `bind`; `options`: by their names in fstab(5).
#[napi]
pub async fn mount(root: String, path: String, kind: String, source: String, options: Vec<String>) -> Result<()> {
    work(move || {
        let (folder, name) = split(&root, &path)?;
        mount::mount(&folder, &name, &mount::Spec { kind, source, options })
    })
    .await
}

#[napi]
pub async fn make_read_only(root: String, path: String) -> Result<()> {
    work(move || {
        let (folder, name) = split(&root, &path)?;
        mount::make_read_only(&folder, &name)
    })
    .await
}

#[napi]
pub async fn unmount(root: String, path: String) -> Result<()> {
    let done = move || split(&root, &path).and_then(|(folder, name)| mounts::unmount(&folder, &name));
    work(move || present(done())).await.map(|_| ())
}

/// Names that are no text are shown as far as they are.
#[napi]
pub async fn mounts_below(root: String, path: String) -> Result<Vec<String>> {
    let found = work(move || present(open(&root).and_then(|root| mounts::below(&root.descend(&path)?)))).await?;
    Ok(found.unwrap_or_default().iter().map(|mount| mount.path().to_string_lossy().into_owned()).collect())
}

#[napi]
pub async fn is_mounted(root: String, path: String) -> Result<bool> {
    let found =
        work(move || present(split(&root, &path).and_then(|(folder, name)| mounts::is_mounted(&folder, &name))));
    Ok(found.await?.unwrap_or(false))
}

#[napi]
pub async fn unmount_below(root: String, path: String) -> Result<()> {
    let done = move || open(&root).and_then(|root| mounts::unmount_below(&root.descend(&path)?));
    work(move || present(done())).await.map(|_| ())
}
