import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = '10-berth.conflist';
export const bridgeName = 'berth0';

/**
 * Gives the runtime its pod network: a bridge with addresses from the node's pod CIDR, and host ports. No masquerading
 * by the plugin: one rule of the service proxy serves all pods (see `base_nat` in native/netfilter).
 * Returns whether the file changed.
 */
export function writeCniConfig(directory: string, podCidr: string, mtu: number | undefined): boolean {
  const text = `${JSON.stringify(cniConfig(directory, podCidr, mtu), null, 2)}\n`;
  const path = join(directory, FILE);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  mkdirSync(directory, { recursive: true });
  // The runtime watches the folder: it must never read half a file, nor take the temporary one for a configuration.
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return true;
}

export function cniConfig(directory: string, podCidr: string, mtu: number | undefined): object {
  return {
    cniVersion: '1.0.0',
    name: 'berth',
    plugins: [
      {
        type: 'bridge',
        bridge: bridgeName,
        isGateway: true,
        isDefaultGateway: true,
        hairpinMode: true,
        ...(mtu ? { mtu } : {}),
        ipam: { type: 'host-local', dataDir: join(directory, '..', 'leases'), ranges: [[{ subnet: podCidr }]] },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
}

/** Another CNI configuration in the folder wins by its name: the operator's own network. */
export function hasForeignCniConfig(directory: string): boolean {
  if (!existsSync(directory)) return false;
  return readdirSync(directory).some((name) => /\.(conf|conflist|json)$/.test(name) && name !== FILE);
}

export function removeCniConfig(directory: string): void {
  rmSync(join(directory, FILE), { force: true });
}
