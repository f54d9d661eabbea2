import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { which } from '#host';
import type { LanPort } from './lan.js';
import { rigService, runnerScript, runToEnd, SharedFolderMachine, uniqueNumber } from './machine.js';

const MOUNT = '/sys/fs/cgroup';
const CONTROLLERS = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids'];
/** Named hierarchies: systemd's own, and the unified one of a hybrid system. */
const NAMED = ['systemd', 'unified'];
const REMOVAL_ATTEMPTS = 20;

export interface SystemdV1Options {
  /** A disk for /var/lib/berth, which with all other changes is there when the machine starts again. */
  keepsDisk?: boolean;
  /** The network that it is in. Default: none. */
  lan?: LanPort;
}

/** systemd as process 1 in namespaces of its own, above the host's kernel and its cgroup v1 controllers. */
export class SystemdV1 extends SharedFolderMachine {
  readonly name = 'systemd on cgroup v1';

  constructor(private readonly options: SystemdV1Options = {}) {
    super();
  }

  readonly network = 'own';
  private readonly cgroup = `berth-rig-${uniqueNumber()}`;

  missing(): string | undefined {
    if (process.getuid?.() !== 0) return 'needs root';
    if (!existsSync('/lib/systemd/systemd')) return 'needs systemd';
    if (!which('unshare')) return 'needs unshare (util-linux)';
    const absent = [...CONTROLLERS, ...NAMED].filter((name) => !existsSync(join(MOUNT, name, 'cgroup.procs')));
    return absent.length > 0 ? `needs the v1 hierarchies ${absent.join(', ')} of the host` : undefined;
  }

  private diskFolder(): string {
    const folder = join(this.shared, '.rig/disk');
    for (const name of ['upper', 'work', 'berth']) mkdirSync(join(folder, name), { recursive: true });
    return folder;
  }

  protected async start(seconds: number): Promise<string> {
    const { lan } = this.options;
    this.put('.rig/runner', runnerScript(this.shared));
    this.put('.rig/rig.service', rigService(this.shared));
    const places = [...CONTROLLERS, ...NAMED].map((name) => join(MOUNT, name, this.cgroup));
    try {
      for (const place of places) makeCgroup(place);
      // The shell joins the cgroups before the namespace is made: they become the roots of the hierarchies in it.
      const entering = 'for place in $RIG_CGROUPS; do echo $$ > $place/cgroup.procs; done; exec "$@"';
      const namespaces = ['--fork', '--kill-child', '--pid', '--mount', '--cgroup', '--uts', '--ipc', '--net'];
      const init = new URL('guest/systemd-v1-init.sh', import.meta.url).pathname;
      return await runToEnd(['bash', '-c', entering, 'rig', 'unshare', ...namespaces, 'bash', init], seconds, {
        RIG_CGROUPS: places.join(' '),
        RIG_CONTROLLERS: CONTROLLERS.join(' '),
        RIG_SHARED: this.shared,
        RIG_DISK: this.options.keepsDisk ? this.diskFolder() : '',
        RIG_LAN: lan ? `${lan.namespace} ${lan.peer} ${lan.address}` : '',
      });
    } finally {
      for (const place of places) await removeCgroup(place);
    }
  }
}

function makeCgroup(place: string): void {
  mkdirSync(place, { recursive: true });
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (!existsSync(join(place, file))) continue;
    writeFileSync(join(place, file), readFileSync(join(place, '..', file), 'utf8').trim());
    writeFileSync(join(place, 'cgroup.clone_children'), '1');
  }
}

/** Its processes end with process 1, some of them a little later. */
async function removeCgroup(place: string): Promise<void> {
  for (let attempt = 0; existsSync(place); attempt++) {
    try {
      removeTree(place);
    } catch (error) {
      if (attempt === REMOVAL_ATTEMPTS) throw error;
      await sleep(100);
    }
  }
}

function removeTree(place: string): void {
  for (const entry of readdirSync(place, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(place, entry.name));
  }
  rmdirSync(place);
}
