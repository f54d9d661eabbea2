import { createSocket } from 'node:dgram';
import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { createServer, isIPv6 } from 'node:net';
import { dirname } from 'node:path';
import { bare } from '#apimachinery';
import { which } from '#host';
import type { Layout } from '../layout.js';
import type { UnitStatus } from '../processes/processes.js';
import type { Settings } from '../settings.js';
import { CliError } from '../verb.js';
import { cgroupDriver } from './cgroup-driver.js';
import { servesIngress } from './units.js';

const NEEDED_BYTES = 512 * 1024 * 1024;

const REASONS = bare<string>({
  EROFS: 'its file system is read-only',
  EACCES: 'no permission',
  EEXIST: 'it is not a folder',
  ENOTDIR: 'a part of the path is not a folder',
});

/** Makes the data directory and says plainly when it cannot hold a cluster. */
export function checkDataDir(layout: Layout): void {
  try {
    // Asked of what is there already: making a folder on a read-only file system fails with a misleading ENOENT.
    let existing = layout.dataDir;
    while (!existsSync(existing)) existing = dirname(existing);
    accessSync(existing, constants.W_OK);
    mkdirSync(layout.dataDir, { recursive: true, mode: 0o711 });
    accessSync(layout.dataDir, constants.W_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = REASONS[code ?? ''] ?? message;
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

/** Fails when what running containers takes is not here, before anything was made or started. */
export function checkRuntime(settings: Settings): void {
  if (!settings.node) return;
  cgroupDriver(settings);
  if (settings.containerRuntimeEndpoint) return;
  for (const [command, name] of [
    ['containerd', 'containerd'],
    ['iptables', 'iptables'],
    ['ip', 'iproute2'],
  ] as const) {
    if (!which(command)) {
      throw new CliError(
        `${command} is missing; get it with: apt-get install ${name} (npm run up does), or run without a node: --no-node`,
      );
    }
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
          ...(servesIngress(settings)
            ? [
                ['ingress', 'ingress-http-port', '0.0.0.0', settings.ingressHttpPort],
                ['ingress', 'ingress-https-port', '0.0.0.0', settings.ingressHttpsPort],
              ]
            : []),
        ] as [string, string, string, number][])
      : []),
  ];
  for (const [unit, flag, host, port] of wanted) {
    if (ours(unit)) continue;
    const problem = (await tryListen(host, port)) ?? (unit === 'dns' ? await tryBind(host, port) : undefined);
    if (problem === 'EADDRINUSE') {
      const without = unit === 'ingress' ? ', or serve no Ingresses: --disable ingress' : '';
      throw new CliError(`port ${port} is taken by another program; choose another with --${flag}${without}`);
    }
    if (problem === 'EADDRNOTAVAIL')
      throw new CliError(`--${unit === 'server' ? 'bind-address' : 'node-ip'}: this machine has no address ${host}`);
    if (problem === 'EACCES') throw new CliError(`port ${port} needs root; choose one above 1023 with --${flag}`);
    if (problem) throw new CliError(`port ${port}: ${problem}`);
  }
}

function tryBind(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
