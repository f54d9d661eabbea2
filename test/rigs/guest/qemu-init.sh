#!/bin/busybox sh
# The first program of the machine `qemu-tcg.ts`: the host's root over 9p, read-only below an overlay, then systemd. The kernel
# passes RIG_SHARED, RIG_MODULES and RIG_9P on.
/bin/busybox --install -s /bin
mkdir -p /proc /host /overlay /root
mount -t proc proc /proc
for module in /modules/*; do insmod "$module"; done
mount -t 9p -o "$RIG_9P,cache=loose,ro" root /host
mount -t tmpfs -o mode=755 tmpfs /overlay
mkdir /overlay/upper /overlay/work
mount -t overlay -o lowerdir=/host,upperdir=/overlay/upper,workdir=/overlay/work overlay /root
mount -t tmpfs tmpfs /root/tmp
mkdir -p /root/lib/modules "/root$RIG_SHARED" /root/var/lib/containerd
ln -sfn "$RIG_MODULES" "/root/lib/modules/${RIG_MODULES##*/}"
mount -t 9p -o "$RIG_9P,cache=mmap" share "/root$RIG_SHARED"
mount -t tmpfs tmpfs /root/var/lib/containerd
cp "/root$RIG_SHARED/.rig/rig.service" /root/etc/systemd/system/rig.service
: > /root/etc/fstab
: > /root/etc/machine-id
umount /proc
exec switch_root /root /lib/systemd/systemd --unit=rig.service
