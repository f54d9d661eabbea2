import type { KubeObject } from '#apimachinery';
import type { Payload, PayloadFile } from '#files';
import type { ConfigMapProjection, KeyToPath } from '#kinds';
import type { ConfigSource } from '../pod/config-source.js';
import {
  definePlugin,
  memoryPath,
  type SourceOf,
  type VolumeContext,
  VolumeError,
  type VolumePlugin,
  volumePath,
} from './volume-plugin.js';

const DEFAULT_MODE = 0o644;

/** What ConfigMaps and Secrets do not have in common, as sources of files: a file for each key. */
interface ConfigKind {
  plugin: string;
  /** How errors call the object, and its keys. */
  noun: string;
  keyNoun: string;
  read(source: ConfigSource, namespace: string, name: string): Promise<KubeObject | undefined>;
  /** The content by key; empty without an object. */
  data(object: KubeObject | undefined): Map<string, Buffer>;
  place: typeof volumePath;
}

export const CONFIG_MAP: ConfigKind = {
  plugin: 'kubernetes.io/configmap',
  noun: 'configmap',
  keyNoun: 'config',
  read: (source, namespace, name) => source.configMap(namespace, name),
  data: (object) => new Map([...decoded(object?.['data'], 'utf8'), ...decoded(object?.['binaryData'], 'base64')]),
  place: volumePath,
};

/** Lies in memory: no byte of a secret is written to a disk. */
export const SECRET: ConfigKind = {
  plugin: 'kubernetes.io/secret',
  noun: 'secret',
  keyNoun: 'secret',
  read: (source, namespace, name) => source.secret(namespace, name),
  data: (object) => new Map(decoded(object?.['data'], 'base64')),
  place: memoryPath,
};

export const configMap = configVolume('configMap', CONFIG_MAP, ({ name }) => name);
export const secret = configVolume('secret', SECRET, ({ secretName }) => secretName);

function configVolume<T extends 'configMap' | 'secret'>(
  type: T,
  kind: ConfigKind,
  nameIn: (source: SourceOf<T>) => string | undefined,
): VolumePlugin {
  const { plugin, place } = kind;
  return definePlugin<T>({
    type,
    plugin,
    refreshes: true,
    readOnly: true,
    async mount(context, volume, source) {
      const { items, optional, defaultMode } = source;
      const payload = await configPayload(kind, context, { name: nameIn(source), items, optional }, defaultMode);
      const path = place(context, plugin, volume);
      await context.paths.files.writePayload(path, payload, context.pod.spec.securityContext?.fsGroup);
      return path;
    },
  });
}

/** Reads the object that the projection names. Throws VolumeError when it, or a key of it, must be there and is not. */
export async function configPayload(
  kind: ConfigKind,
  { pod, source }: VolumeContext,
  projection: ConfigMapProjection,
  defaultMode = DEFAULT_MODE,
): Promise<Payload> {
  const { name = '', items, optional = false } = projection;
  const object = await kind.read(source, pod.metadata.namespace, name);
  if (!object && !optional) throw new VolumeError(`${kind.noun} "${name}" not found`);
  return configFiles(kind, object, { items, optional, defaultMode });
}

/** Pure: the files that the object's keys become. Throws VolumeError for a key that must be there and is not. */
export function configFiles(
  { noun, keyNoun, data }: ConfigKind,
  object: KubeObject | undefined,
  { items = [], optional = false, defaultMode }: { items?: KeyToPath[]; optional?: boolean; defaultMode: number },
): Payload {
  const content = data(object);
  const payload = new Map<string, PayloadFile>();
  if (items.length === 0) {
    for (const [key, value] of content) payload.set(key, { data: value, mode: defaultMode });
    return payload;
  }
  for (const { key, path, mode } of items) {
    const value = content.get(key);
    if (value !== undefined) payload.set(path, { data: value, mode: mode ?? defaultMode });
    else if (!optional) throw new VolumeError(`${noun} references non-existent ${keyNoun} key: ${key}`);
  }
  return payload;
}

function decoded(data: Record<string, string> | undefined, encoding: 'utf8' | 'base64'): [string, Buffer][] {
  return Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]);
}
