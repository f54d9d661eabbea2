#!/bin/sh
# Process 1 of the machine `user-mode-linux.ts`: an overlay above the host's root, which is read-only here, then systemd on
# the unified hierarchy. The kernel passes RIG_SHARED and RIG_MODULES on.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t proc proc /proc
/bin/busybox insmod "$RIG_MODULES/kernel/fs/overlayfs/overlay.ko"
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root || exit 1
cd /mnt/root || exit 1
mkdir -p lib/modules old
ln -sfn "$RIG_MODULES" "lib/modules/$(uname -r)"
mount -t tmpfs tmpfs tmp
mkdir -p ".$RIG_SHARED" var/lib/containerd
mount -t hostfs -o "$RIG_SHARED" none ".$RIG_SHARED"
mount -t tmpfs tmpfs var/lib/containerd
cp ".$RIG_SHARED/.rig/rig.service" etc/systemd/system/rig.service
: > etc/fstab
: > etc/machine-id
echo rig > etc/hostname
printf '[Manager]\nDefaultTimeoutStopSec=3s\n' > etc/systemd/system.conf
umount /proc
pivot_root . old
exec chroot . /lib/systemd/systemd --unit=rig.service --show-status=0 systemd.unified_cgroup_hierarchy=1
