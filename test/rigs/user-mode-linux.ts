import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { which } from '#host';
import { rigService, runnerScript, runToEnd, SharedFolderMachine } from './machine.js';

const MODULES = '/usr/lib/uml/modules';

/** A kernel as a process: cgroup v2 alone, one CPU, no cpuset. Processes of it are slow to start. */
export class UserModeLinux extends SharedFolderMachine {
  readonly name = 'User-Mode Linux, cgroup v2';
  readonly network = 'own';

  constructor(private readonly memory = '2G') {
    super();
  }

  missing(): string | undefined {
    if (!which('linux.uml')) return 'needs user-mode-linux';
    if (!existsSync(MODULES)) return `needs ${MODULES}`;
    if (!existsSync('/bin/busybox')) return 'needs busybox-static';
    return existsSync('/lib/systemd/systemd') ? undefined : 'needs systemd';
  }

  protected async start(seconds: number): Promise<string> {
    this.put('.rig/runner', runnerScript(this.shared));
    this.put('.rig/rig.service', rigService(this.shared));
    // The kernel executes it, and what was emitted need not be executable.
    const init = join(this.shared, '.rig/init');
    copyFileSync(new URL('guest/user-mode-linux-init.sh', import.meta.url), init);
    chmodSync(init, 0o755);
    const sockets = mkdtempSync(join(tmpdir(), 'berth-uml-'));
    const modules = join(MODULES, readdirSync(MODULES).sort().at(-1)!);
    try {
      return await runToEnd(
        [
          'linux.uml',
          `uml_dir=${sockets}`,
          'umid=rig',
          `mem=${this.memory}`,
          'root=/dev/root',
          'rootfstype=hostfs',
          'rootflags=/',
          'ro',
          `init=${init}`,
          // The kernel hands these to its first program as variables.
          `RIG_SHARED=${this.shared}`,
          `RIG_MODULES=${modules}`,
          'quiet',
          'con=null',
          'con0=null,fd:1',
        ],
        seconds,
      );
    } finally {
      rmSync(sockets, { recursive: true, force: true });
    }
  }
}
