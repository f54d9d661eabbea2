import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { which } from '#host';
import { rigService, runnerScript, runToEnd, SharedFolderMachine } from './machine.js';
import { DEBIAN_KERNEL, kernelMissing } from './programs.js';

/** What the kernel needs before it sees the host's files. */
const EARLY_MODULES = ['virtio_pci', '9p', '9pnet_virtio', 'overlay', 'virtio_rng'];
const NINE_P = 'trans=virtio,version=9p2000.L,msize=512000';

/**
 * An emulated computer with Debian's kernel: cgroup v2 with cpuset, two processors, nftables. Slow: about 35 s to the first
 * command, and a tenth of the host's speed.
 */
export class QemuTcg extends SharedFolderMachine {
  readonly name = 'qemu without KVM, cgroup v2';
  readonly network = 'own';

  missing(): string | undefined {
    for (const program of ['qemu-system-x86_64', 'depmod', 'cpio']) if (!which(program)) return `needs ${program}`;
    if (!existsSync('/bin/busybox')) return 'needs busybox-static';
    return kernelMissing();
  }

  protected async start(seconds: number): Promise<string> {
    this.put('.rig/runner', runnerScript(this.shared));
    this.put('.rig/rig.service', rigService(this.shared));
    const folder = mkdtempSync(join(tmpdir(), 'berth-tcg-'));
    try {
      const initrd = join(folder, 'initrd');
      this.makeInitrd(folder, initrd);
      return await runToEnd(this.command(initrd), seconds);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private version(): string {
    return readdirSync(join(DEBIAN_KERNEL, 'lib/modules'))[0]!;
  }

  private makeInitrd(folder: string, initrd: string): void {
    const root = join(folder, 'root');
    for (const name of ['bin', 'modules']) mkdirSync(join(root, name), { recursive: true });
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
    // They are loaded in the order of their names.
    for (const [index, path] of this.modules().entries()) {
      copyFileSync(path, join(root, 'modules', `${String(index).padStart(3, '0')}-${basename(path)}`));
    }
    copyFileSync(new URL('guest/qemu-init.sh', import.meta.url), join(root, 'init'));
    chmodSync(join(root, 'init'), 0o755);
    const files = execFileSync('find', ['.'], { cwd: root });
    const archive = spawnSync('cpio', ['--create', '--format=newc', '--quiet'], {
      cwd: root,
      input: files,
      maxBuffer: 1 << 28,
    });
    if (archive.status !== 0) throw new Error(`cpio: ${archive.stderr}`);
    writeFileSync(initrd, archive.stdout);
  }

  private modules(): string[] {
    const of = (name: string) =>
      execFileSync('modprobe', ['-d', DEBIAN_KERNEL, '-S', this.version(), '--show-depends', name], {
        encoding: 'utf8',
      });
    const paths = EARLY_MODULES.flatMap((name) => [...of(name).matchAll(/^insmod (\S+)/gm)].map(([, path]) => path!));
    return [...new Set(paths)];
  }

  private command(initrd: string): string[] {
    const share = (path: string, tag: string, rest: string) =>
      `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${rest}`;
    const units = ['tmpfiles-setup', 'udev-trigger', 'update-utmp', 'timesyncd', 'sysusers'];
    const parameters = [
      'console=ttyS0 panic=1 loglevel=4 mitigations=off random.trust_cpu=on',
      'systemd.unified_cgroup_hierarchy=1 systemd.show_status=0',
      ...units.map((unit) => `systemd.mask=systemd-${unit}.service`),
      // The kernel hands these to its first program as variables.
      `RIG_SHARED=${this.shared} RIG_MODULES=${join(DEBIAN_KERNEL, 'lib/modules', this.version())}`,
      `RIG_9P=${NINE_P}`,
    ];
    return [
      'qemu-system-x86_64',
      ...['-M', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2G'],
      ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-reboot', '-nic', 'none'],
      ...['-object', 'rng-random,id=random,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=random'],
      ...['-virtfs', share('/', 'root', ',readonly=on'), '-virtfs', share(this.shared, 'share', '')],
      ...['-kernel', join(DEBIAN_KERNEL, 'boot', `vmlinuz-${this.version()}`), '-initrd', initrd],
      ...['-append', parameters.join(' ')],
    ];
  }
}
