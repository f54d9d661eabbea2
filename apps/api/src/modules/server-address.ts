import { type AddressInfo, createServer } from 'node:net';
import type { ControlPlaneOptions } from './control-plane-options.js';

/** The options with a port that is known: kubeconfigs and certificates name it before the server listens. */
export async function withPort(options: ControlPlaneOptions): Promise<ControlPlaneOptions> {
  return options.securePort === 0 ? { ...options, securePort: await freePort(options.bindAddress) } : options;
}

/** Where clients on this machine reach the server. */
export function serverUrl({ bindAddress, advertiseAddress, securePort }: ControlPlaneOptions): string {
  const local = bindAddress === '0.0.0.0' || bindAddress === '127.0.0.1' || bindAddress === '::';
  return `https://${local ? '127.0.0.1' : bindAddress || advertiseAddress}:${securePort}`;
}

function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, address, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
