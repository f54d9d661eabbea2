import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Layout } from '../layout.js';
import type { Settings } from '../settings.js';
import type { UnitStatus } from '../supervisor-client.js';
import { CliError } from '../verb.js';

const NEEDED_BYTES = 512 * 1024 * 1024;

/** Makes the data directory and says plainly when it cannot hold a cluster. */
export function checkDataDir(layout: Layout): void {
  try {
    mkdirSync(layout.dataDir, { recursive: true, mode: 0o755 });
    accessSync(layout.dataDir, constants.W_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EROFS' ? 'its file system is read-only' : code === 'EACCES' ? 'no permission' : message;
    throw new CliError(`--data-dir: ${layout.dataDir} cannot be written: ${why}`);
  }
  const disk = statfsSync(layout.dataDir);
  const free = disk.bavail * disk.bsize;
  if (free < NEEDED_BYTES) {
    throw new CliError(
      `--data-dir: ${layout.dataDir} has ${Math.floor(free / 1048576)} MiB free; Berth needs at least ${NEEDED_BYTES / 1048576} MiB`,
    );
  }
}

/** Fails with the flag to change when somebody else listens where we would. Ports of our own running units are fine. */
export async function checkPorts(settings: Settings, running: readonly UnitStatus[]): Promise<void> {
  const ours = (unit: string) => running.some((status) => status.name === unit && status.state === 'running');
  const wanted: [unit: string, flag: string, host: string, port: number][] = [
    ['server', 'secure-port', settings.bindAddress, settings.securePort],
    ...(settings.node
      ? ([
          ['agent', 'agent-port', '0.0.0.0', settings.agentPort],
          ['dns', 'dns-port', settings.nodeIp, settings.dnsPort],
        ] as [string, string, string, number][])
      : []),
  ];
  for (const [unit, flag, host, port] of wanted) {
    if (ours(unit)) continue;
    const problem = await tryListen(host, port);
    if (problem === 'EADDRINUSE')
      throw new CliError(`port ${port} is taken by another program; choose another with --${flag}`);
    if (problem === 'EADDRNOTAVAIL')
      throw new CliError(`--${unit === 'server' ? 'bind-address' : 'node-ip'}: this machine has no address ${host}`);
    if (problem === 'EACCES') throw new CliError(`port ${port} needs root; choose one above 1023 with --${flag}`);
    if (problem) throw new CliError(`port ${port}: ${problem}`);
  }
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
