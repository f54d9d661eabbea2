import { execFileSync } from 'node:child_process';
import { which } from '#host';
import { runnerScript, runToEnd, SharedFolderMachine, uniqueNumber } from './machine.js';

/** The host itself, with a network of its own: no other process 1, cgroups and files are the host's. */
export class NetworkNamespace extends SharedFolderMachine {
  readonly name = 'network namespace';
  readonly network = 'own';
  private readonly namespace = `berth-rig-${uniqueNumber()}`;

  missing(): string | undefined {
    if (process.getuid?.() !== 0) return 'needs root';
    return which('ip') ? undefined : 'needs ip (iproute2)';
  }

  protected async start(seconds: number): Promise<string> {
    execFileSync('ip', ['netns', 'add', this.namespace]);
    try {
      const script = `ip link set lo up; ${runnerScript(this.shared)}`;
      return await runToEnd(['ip', 'netns', 'exec', this.namespace, 'bash', '-c', script], seconds);
    } finally {
      execFileSync('ip', ['netns', 'delete', this.namespace]);
    }
  }
}
