import { join } from 'node:path';
import type { MountSpec } from '#files';
import type { Volume } from '#kinds';
import type { CertificateSource } from '../pod/certificate-source.js';
import type { ClaimSource } from '../pod/claim-source.js';
import type { ConfigSource } from '../pod/config-source.js';
import type { DownwardContext } from '../pod/downward.js';
import type { Pod } from '../pod/pod.js';
import type { PodPaths } from '../pod/pod-paths.js';
import type { TrustSource } from '../pod/trust-source.js';

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
  trust: TrustSource;
  certificates: CertificateSource;
  claims: ClaimSource;
  /** Folder in memory for what must not reach a disk: secrets, tokens. */
  memoryDirectory: string;
  /** Mounts that need a program. */
  mounter: Mounter;
  images: VolumeImages;
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

/** The key of a volume that names its source, and so its plugin. */
export type SourceType = Exclude<keyof Volume, 'name'>;

export type SourceOf<T extends SourceType> = NonNullable<Volume[T]>;

interface PluginDefinition<T extends SourceType> {
  readonly type: T;
  /** Kubelet's plugin name, which names the folder. */
  readonly plugin: string;
  /** True when its content follows API objects and must be brought up to date while the pod runs. */
  readonly refreshes?: boolean;
  /**
   * True when containers may only read it, whatever their mounts say (kubelet's `Attributes.ReadOnly`): the agent goes on
   * writing there as root.
   */
  readonly readOnly?: boolean;
  /** Makes the volume of that name ready and gives its path on the host. Called again to refresh. */
  mount(context: VolumeContext, name: string, source: SourceOf<T>): Promise<string>;
}

/** A plugin that finds its own source in a volume. */
export interface VolumePlugin extends Omit<PluginDefinition<SourceType>, 'mount'> {
  mount(context: VolumeContext, volume: Volume): Promise<string>;
}

/** A source that says nothing (`emptyDir: {}` written as nothing) has only defaults. */
export function definePlugin<T extends SourceType>(definition: PluginDefinition<T>): VolumePlugin {
  return {
    ...definition,
    mount: (context, volume) => definition.mount(context, volume.name, volume[definition.type] ?? ({} as SourceOf<T>)),
  };
}

/** The message goes to the pod's FailedMount event as it is. */
export class VolumeError extends Error {}

/** A part of the work that failed, as kubelet names it before the volume. */
export class StageError extends VolumeError {
  constructor(
    readonly stage: string,
    message: string,
  ) {
    super(message);
  }
}

/** Where a plugin's volume lies on the disk. */
export function volumePath({ paths, pod }: VolumeContext, plugin: string, name: string): string {
  return paths.volume(pod.metadata.uid, plugin, name);
}

/** Where one lies whose bytes must not reach a disk. */
export function memoryPath({ memoryDirectory, pod }: VolumeContext, plugin: string, name: string): string {
  return join(memoryDirectory, pod.metadata.uid, plugin.replace('/', '~'), name);
}
