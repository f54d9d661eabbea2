#!/bin/bash
# Becomes process 1 of the machine `systemd-v1.ts`, in namespaces that were just made: an overlay above the host's root, file
# systems of its own, the cgroup hierarchies, then systemd. Takes RIG_SHARED, RIG_CONTROLLERS, and maybe RIG_DISK: a folder
# that keeps the changes and /var/lib/berth; the machine then starts what is enabled, like any other. RIG_LAN has three words,
# or none: the network namespace of a bridge, the name of our port there, and our address.
set -e
name=rig
if [ "$RIG_LAN" ]; then
  read -r namespace peer address <<< "$RIG_LAN"
  name=$peer
  ip link add eth0 type veth peer name "$peer" netns "$namespace"
  ip -netns "$namespace" link set "$peer" master lan up
  ip address add "$address/24" dev eth0
  ip link set eth0 up
  ip route add default via "${address%.*}.1"
fi
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
changes=${RIG_DISK:-/mnt}
mount -t overlay -o "lowerdir=/,upperdir=$changes/upper,workdir=$changes/work" overlay /mnt/root
cd /mnt/root
mkdir -p old ".$RIG_SHARED"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
for folder in var/lib/cni var/lib/containerd; do
  mkdir -p $folder
  mount -t tmpfs tmpfs $folder
done
target=rig.service
if [ "$RIG_DISK" ]; then
  mkdir -p var/lib/berth
  mount --bind "$RIG_DISK/berth" var/lib/berth
  target=multi-user.target
fi
for node in null zero full random urandom tty fuse net/tun kmsg; do
  [ -e /dev/$node ] || continue
  mkdir -p "$(dirname dev/$node)"
  # A node of its own, not the host's: systemd and getty change owners and modes.
  cp -a /dev/$node dev/$node
done
mkdir -p dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
cp -a /dev/null dev/console
mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup
for controller in $RIG_CONTROLLERS; do
  mkdir "sys/fs/cgroup/$controller"
  mount -t cgroup -o "$controller" cgroup "sys/fs/cgroup/$controller"
done
mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
# After the new /tmp, which may hold it.
mkdir -p ".$RIG_SHARED"
mount --bind "$RIG_SHARED" ".$RIG_SHARED"
cp "$RIG_SHARED/.rig/rig.service" etc/systemd/system/rig.service
mkdir -p etc/systemd/system/multi-user.target.wants
ln -sf ../rig.service etc/systemd/system/multi-user.target.wants/rig.service
hostname $name
echo $name > etc/hostname
: > etc/fstab
: > etc/machine-id
pivot_root . old
umount -l /old
ip link set lo up
exec env -i container=rig PATH="$PATH" TERM=dumb /lib/systemd/systemd --unit=$target --log-target=null --show-status=0
