import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rigService, runnerScript, runToEnd, SharedFolderMachine } from './machine.js';
import { userModeKernel, userModeKernelMissing } from './programs.js';

/** A kernel as a process: cgroup v2 alone, one CPU, no cpuset. Processes of it are slow to start. */
export class UserModeLinux extends SharedFolderMachine {
  readonly name = 'User-Mode Linux, cgroup v2';
  readonly network = 'own';

  constructor(private readonly memory = '2G') {
    super();
  }

  missing(): string | undefined {
    if (!existsSync('/bin/busybox')) return 'needs busybox-static';
    return existsSync('/lib/systemd/systemd') ? userModeKernelMissing() : 'needs systemd';
  }

  protected async start(seconds: number): Promise<string> {
    this.put('.rig/runner', runnerScript(this.shared));
    this.put('.rig/rig.service', rigService(this.shared));
    // The kernel executes it, and what was emitted need not be executable.
    const init = join(this.shared, '.rig/init');
    copyFileSync(new URL('guest/user-mode-linux-init.sh', import.meta.url), init);
    chmodSync(init, 0o755);
    const sockets = mkdtempSync(join(tmpdir(), 'berth-uml-'));
    const { program, modules } = userModeKernel();
    try {
      return await runToEnd(
        [
          program,
          `uml_dir=${sockets}`,
          'umid=rig',
          // Processes meet their kernel without a tracer between them.
          'seccomp=on',
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
