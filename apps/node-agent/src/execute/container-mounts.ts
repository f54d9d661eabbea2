import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ownValue } from '#apimachinery';
import { nodeHosts } from '../node/machine.js';
import { podIPs } from '../observe/observed-pod.js';
import type { PodState } from '../plan/pod-state.js';
import type { Container } from '../pod/pod.js';
import { type CriMount, MountPropagation } from '../runtime/cri-types.js';
import { readOnlyVolumes } from '../volumes/volume-set.js';
import { ConfigError } from './environment.js';
import { expand } from './expand.js';
import { hostsFile } from './hosts-file.js';
import { podHostname } from './pod-dns.js';
import type { Needs } from './step-services.js';

export type MountServices = Needs<'paths' | 'logger' | 'dns' | 'node'>;

/** The container's volumes, its hosts file and its termination message. Throws ConfigError for a mount that cannot be. */
export async function containerMounts(
  services: MountServices,
  state: PodState,
  container: Container,
  environment: Map<string, string>,
): Promise<CriMount[]> {
  const { pod, memory } = state;
  const { uid } = pod.metadata;
  const { paths } = services;
  const mounts: CriMount[] = [];
  const readOnly = readOnlyVolumes(pod.spec.volumes);
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = memory.volumes.get(mount.name);
    if (volume?.phase !== 'mounted')
      throw new ConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, environment) : mount.subPath;
    let hostPath = volume.path;
    if (subPath) {
      hostPath = paths.subPath(uid, mount.name, container.name, index);
      await bindSubPath(services, container, mount.name, { volume: volume.path, subPath, place: hostPath });
    }
    mounts.push({
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath,
      readonly: mount.readOnly === true || readOnly.has(mount.name),
      propagation: ownValue(MountPropagation, mount.mountPropagation ?? 'None') ?? 0,
    });
  }
  const hosts = await writeHosts(services, state);
  if (!mounts.some((mount) => mount.containerPath === '/etc/hosts')) {
    mounts.push({ containerPath: '/etc/hosts', hostPath: hosts, selinuxRelabel: true });
  }
  const messagePath = container.terminationMessagePath ?? '/dev/termination-log';
  if (messagePath) {
    const directory = paths.container(uid, container.name);
    await paths.files.makeFolder(directory, 0o750);
    const hostPath = join(directory, randomBytes(4).toString('hex'));
    // A process of any user writes its last words here.
    await paths.files.write(hostPath, '', 0o666);
    mounts.push({ containerPath: messagePath, hostPath, selinuxRelabel: true });
  }
  return mounts;
}

/** Errors are kubelet's words: what the node's files look like is told to its log only. */
async function bindSubPath(
  { paths, logger }: MountServices,
  container: Container,
  mount: string,
  { volume, subPath, place }: { volume: string; subPath: string; place: string },
): Promise<void> {
  if (subPath.startsWith('/')) throw new ConfigError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..'))
    throw new ConfigError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  try {
    await paths.files.bindSubPath(volume, subPath, place);
  } catch (error) {
    logger.warn('subPath not prepared', { container: container.name, mount, error });
    throw new ConfigError(`failed to prepare subPath for volumeMount "${mount}" of container "${container.name}"`);
  }
}

/** subPathExpr must resolve completely. */
function expandStrictly(expression: string, environment: Map<string, string>): string {
  return expand(expression, (name) => {
    const value = environment.get(name);
    if (value === undefined)
      throw new ConfigError(`failed to expand subPathExpr: ${expression}: ${name} is not defined`);
    return value;
  });
}

/** Written at each start: the pod's address changes with its sandbox. */
async function writeHosts({ paths, dns, node }: MountServices, { pod, observed }: PodState): Promise<string> {
  const path = paths.etcHosts(pod.metadata.uid);
  const { hostname, domain } = podHostname(pod, dns.clusterDomain);
  const host = pod.spec.hostNetwork ? await nodeHosts() : '';
  const text = hostsFile(pod, podIPs(pod, observed, node.hostIPs), hostname, domain, host);
  await paths.files.write(path, text, 0o644);
  return path;
}
