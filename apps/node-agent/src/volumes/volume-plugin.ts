import type { KubeObject } from '#apimachinery';
import type { Payload, PayloadFile } from '#files';
import type { ConfigSource } from '../pod/config-source.js';
import type { DownwardContext } from '../pod/downward.js';
import type { PodPaths } from '../pod/pod-paths.js';
import type { Pod, Volume } from '../pod/pod-types.js';

export interface TokenRequestSpec {
  audience?: string;
  expirationSeconds?: number;
}

export interface TokenSource {
  /** A current token of the pod's ServiceAccount, bound to the pod; renewed when most of its life is over. */
  token(pod: Pod, spec: TokenRequestSpec): Promise<string>;
}

export interface VolumeContext extends DownwardContext {
  pod: Pod;
  paths: PodPaths;
  source: ConfigSource;
  tokens: TokenSource;
  /** Folder in memory for what must not reach a disk: secrets, tokens. */
  memoryDirectory: string;
  /** Mounts that need a program. */
  mounter: Mounter;
  images: VolumeImages;
}

/** One mount(2) call as a runtime describes it. */
export interface MountSpec {
  type: string;
  source: string;
  options: string[];
}

/** Images that pods mount as volumes. */
export interface VolumeImages {
  /** Has the image on the node, as the policy wants it; gives the runtime's name of it. Throws ImageError. */
  ensure(volume: string, reference: string, policy: 'Always' | 'IfNotPresent' | 'Never' | undefined): Promise<string>;
  /** How its files are mounted. They stay on the node until `close`. */
  open(uid: string, volume: string, image: string): Promise<MountSpec[]>;
}

/** What is needed to take a pod's volumes apart, known or not. */
export interface UnmountContext extends Pick<VolumeContext, 'paths' | 'memoryDirectory'> {
  /** Lets go of the images that the pod had as volumes. */
  closeImages(uid: string): Promise<void>;
}

export interface Mounter {
  mount(spec: MountSpec, target: string): Promise<void>;
}

export interface VolumePlugin {
  /** The key in a volume that chooses this plugin. */
  readonly type: string;
  /** Kubelet's plugin name, which names the folder. */
  readonly plugin: string;
  /** True when its content follows API objects and must be brought up to date while the pod runs. */
  readonly refreshes?: boolean;
  /**
   * True when containers may only read it, whatever their mounts say (kubelet's `Attributes.ReadOnly`): the agent goes on
   * writing there as root.
   */
  readonly readOnly?: boolean;
  /** Makes the volume ready and gives its path on the host. Called again to refresh. */
  mount(context: VolumeContext, volume: Volume): Promise<string>;
}

/** The message goes to the pod's FailedMount event as it is. */
export class VolumeError extends Error {}

export function pickItems(
  data: Map<string, Buffer>,
  items: { key: string; path: string; mode?: number }[] | undefined,
  defaultMode: number,
  optional: boolean,
  describe: string,
): Payload {
  const payload = new Map<string, PayloadFile>();
  if (!items?.length) {
    for (const [key, value] of data) payload.set(key, { data: value, mode: defaultMode });
    return payload;
  }
  for (const { key, path, mode } of items) {
    const value = data.get(key);
    if (value === undefined) {
      if (optional) continue;
      throw new VolumeError(
        `${describe} references non-existent ${describe.startsWith('secret') ? 'secret' : 'config'} key: ${key}`,
      );
    }
    payload.set(path, { data: value, mode: mode ?? defaultMode });
  }
  return payload;
}

export function configMapData(object: KubeObject | undefined): Map<string, Buffer> {
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries((object?.['data'] ?? {}) as Record<string, string>)) {
    data.set(key, Buffer.from(value));
  }
  for (const [key, value] of Object.entries((object?.['binaryData'] ?? {}) as Record<string, string>)) {
    data.set(key, Buffer.from(value, 'base64'));
  }
  return data;
}

export function secretData(object: KubeObject | undefined): Map<string, Buffer> {
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries((object?.['data'] ?? {}) as Record<string, string>)) {
    data.set(key, Buffer.from(value, 'base64'));
  }
  return data;
}
