use super::*;
use std::process::Command;

const POD: &str = "kubepods/burstable/pod1";

fn v1() -> (tempfile::TempDir, Tree) {
    let mount = tempfile::tempdir().unwrap();
    for controller in ["cpu", "memory", "pids", "cpuset"] {
        fs::create_dir(mount.path().join(controller)).unwrap();
        fs::write(mount.path().join(controller).join("cgroup.procs"), "").unwrap();
    }
    fs::create_dir(mount.path().join("hugetlb")).unwrap();
    let tree = Tree::new(Hierarchy::detect(mount.path()).unwrap(), WeightCurve::Linear);
    (mount, tree)
}

fn v2() -> (tempfile::TempDir, Tree) {
    let mount = tempfile::tempdir().unwrap();
    fs::write(mount.path().join("cgroup.controllers"), "cpu memory pids").unwrap();
    let tree = Tree::new(Hierarchy::detect(mount.path()).unwrap(), WeightCurve::Linear);
    (mount, tree)
}

#[test]
fn v1_makes_the_pod_in_every_controller() {
    let (mount, tree) = v1();
    let places = || ["cpu", "memory", "pids", "cpuset"].map(|name| mount.path().join(name).join(POD));
    tree.create(Path::new(POD)).unwrap();
    assert!(places().iter().all(|place| place.is_dir()));
    assert!(!mount.path().join("hugetlb").join(POD).exists(), "a folder that is no hierarchy");
    tree.remove(Path::new("kubepods")).unwrap();
    assert!(places().iter().all(|place| !place.exists()));
    tree.remove(Path::new("kubepods")).unwrap();
}

#[test]
fn only_an_empty_cgroup_is_removed_when_empty() {
    let (mount, tree) = v1();
    let pods = Path::new("kubepods");
    tree.create(&pods.join("pod1")).unwrap();
    tree.remove_if_empty(pods);
    assert!(mount.path().join("cpu/kubepods/pod1").is_dir());
    tree.remove_if_empty(&pods.join("pod1"));
    tree.remove_if_empty(pods);
    assert!(!mount.path().join("cpu/kubepods").exists());
    tree.remove_if_empty(pods);
}

#[test]
fn v2_asks_each_parent_to_delegate() {
    let (mount, tree) = v2();
    tree.create(Path::new("berth/kubepods")).unwrap();
    let control = fs::read_to_string(mount.path().join("cgroup.subtree_control")).unwrap();
    assert!(control.starts_with('+'), "{control}");
    assert!(mount.path().join("berth/kubepods").is_dir());
}

#[test]
fn limits_go_into_the_files_that_the_kernel_has() {
    let limits = Limits { memory_limit: Some(4096), pids_limit: Some(5), ..Limits::default() };
    let (mount, tree) = v2();
    tree.create(Path::new(POD)).unwrap();
    let place = mount.path().join(POD);
    fs::write(place.join("memory.max"), "").unwrap();
    fs::write(place.join("pids.max"), "").unwrap();
    tree.apply(Path::new(POD), &limits).unwrap();
    let read = |file: &str| fs::read_to_string(place.join(file)).unwrap();
    assert_eq!((read("memory.max"), read("pids.max")), ("4096".to_owned(), "5".to_owned()));
}

#[test]
fn all_of_the_machine_is_neither_killed_nor_removed_nor_frozen() {
    for (mount, tree) in [v1(), v2()] {
        let root = Path::new("");
        assert!(matches!(tree.kill(root), Err(Error::Machine)));
        assert!(matches!(tree.remove(root), Err(Error::Machine)));
        assert!(matches!(tree.freeze(root, true), Err(Error::Machine)));
        tree.remove_if_empty(root);
        assert!(mount.path().is_dir());
    }
}

#[test]
fn killing_ends_what_the_cgroup_names() {
    let (mount, tree) = v2();
    tree.create(Path::new(POD)).unwrap();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let file = mount.path().join(POD).join("cgroup.procs");
    fs::write(&file, format!("{}\n", child.id())).unwrap();
    assert!(tree.events(Path::new("kubepods")).unwrap().unwrap().populated);
    // No kernel empties this file: the processes stay named, and the call says so.
    assert!(matches!(tree.kill(Path::new("kubepods")), Err(Error::Slow { .. })));
    assert!(!child.wait().unwrap().success());
    fs::write(&file, "").unwrap();
    tree.kill(Path::new("kubepods")).unwrap();
}

#[test]
fn kills_for_want_of_memory_are_counted_in_both_hierarchies() {
    for ((mount, tree), place, file) in
        [(v1(), format!("memory/{POD}"), "memory.oom_control"), (v2(), POD.to_owned(), "memory.events")]
    {
        tree.create(Path::new(POD)).unwrap();
        fs::write(mount.path().join(place).join(file), "oom 3\noom_kill 2\n").unwrap();
        assert_eq!(tree.events(Path::new(POD)).unwrap(), Some(Events { populated: false, oom_kills: 2 }));
    }
}

#[test]
fn freezing_waits_until_the_kernel_says_so_and_thaws_what_stays() {
    let (mount, tree) = v2();
    tree.create(Path::new(POD)).unwrap();
    let place = mount.path().join(POD);
    fs::write(place.join("cgroup.events"), "populated 1\nfrozen 1\n").unwrap();
    tree.freeze(Path::new(POD), true).unwrap();
    assert_eq!(fs::read_to_string(place.join("cgroup.freeze")).unwrap(), "1");
    fs::write(place.join("cgroup.events"), "populated 1\nfrozen 0\n").unwrap();
    let error = tree.freeze(Path::new(POD), true).unwrap_err();
    assert!(error.to_string().ends_with("did not freeze in time"), "{error}");
    assert_eq!(fs::read_to_string(place.join("cgroup.freeze")).unwrap(), "0");
}

/// On the machine's own tree, where that may be written.
#[test]
fn the_real_tree_takes_limits_and_processes() {
    let Ok(hierarchy) = Hierarchy::detect(Path::new("/sys/fs/cgroup")) else { return };
    let tree = Tree::new(hierarchy, WeightCurve::Linear);
    let name = format!("berth-test-{}", std::process::id());
    let (root, pod) = (Path::new(&name), Path::new(&name).join("pod1"));
    let limits = Limits { memory_limit: Some(64 << 20), cpu_shares: Some(512), ..Limits::default() };
    if tree.apply(&pod, &limits).is_err() {
        let _ = tree.remove(root);
        return;
    }
    let file = if tree.version() == 1 { "memory.limit_in_bytes" } else { "memory.max" };
    let place = tree.hierarchy.root("memory").unwrap().join(&pod);
    assert_eq!(fs::read_to_string(place.join(file)).unwrap().trim(), (64 << 20).to_string());
    assert!(!tree.events(&pod).unwrap().unwrap().populated);
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let attached = tree.attach(&pod, child.id());
    if attached.is_ok() {
        assert!(tree.events(&pod).unwrap().unwrap().populated);
        if tree.hierarchy.root("freezer").is_some() {
            tree.freeze(&pod, true).unwrap();
            tree.freeze(&pod, false).unwrap();
        }
        // Waiting takes the dead child out of the cgroup.
        let waiting = thread::spawn(move || child.wait().unwrap());
        tree.kill(&pod).unwrap();
        assert!(!waiting.join().unwrap().success());
    } else {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    tree.remove(root).unwrap();
    assert_eq!(tree.stats(&pod), None);
    attached.unwrap();
}

#[test]
fn a_cgroup_is_unused_when_no_hierarchy_has_processes_or_cgroups_in_it() {
    let (mount, tree) = v1();
    let pod = Path::new(POD);
    assert!(!tree.exists(pod) && tree.is_unused(pod).unwrap());
    tree.create(pod).unwrap();
    assert!(tree.exists(pod) && tree.is_unused(pod).unwrap());
    assert!(!tree.is_unused(Path::new("kubepods")).unwrap());
    fs::write(mount.path().join("pids").join(POD).join("cgroup.procs"), "1\n").unwrap();
    assert!(!tree.is_unused(pod).unwrap());
}

#[test]
fn a_scope_is_found_by_the_end_of_its_name() {
    let (mount, tree) = v2();
    let pod = Path::new(POD);
    tree.create(pod).unwrap();
    assert_eq!(tree.child_ending(pod, "-1.scope").unwrap(), None);
    for name in ["crio-1.scope", "cri-containerd-21.scope"] {
        fs::create_dir(mount.path().join(POD).join(name)).unwrap();
    }
    assert_eq!(tree.child_ending(pod, "-1.scope").unwrap(), Some(pod.join("crio-1.scope")));
}
