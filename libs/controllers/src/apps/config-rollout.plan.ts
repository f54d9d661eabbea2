import { createHash } from 'node:crypto';
import type { KubeObject } from '#apimachinery';
import type { ObjectMeta, PodSpec } from '#kinds';

/** On a Deployment, StatefulSet or DaemonSet: whether its pods are replaced when what they are configured by changes. */
export const RESTART_ON_CONFIG_CHANGE = 'berth.io/restart-on-config-change';
/** On the workload: the configuration that its pods were started with, as `configmap/<name>=<digest>`, by commas. */
export const OBSERVED_CONFIG = 'berth.io/observed-config';
/** On the pod template: another value makes another revision. */
export const CONFIG_HASH = 'berth.io/config-hash';

/** Characters of a digest: enough to tell changes apart. */
const DIGEST_LENGTH = 16;
const ABSENT = 'absent';

export interface ConfigReference {
  kind: 'configmap' | 'secret';
  name: string;
  /** No container needs it in order to start. */
  optional: boolean;
}

/** What workloads of the three kinds have in common here. */
export type ConfiguredWorkload = KubeObject & {
  spec: { template: { metadata?: ObjectMeta; spec?: PodSpec } };
};

export type ConfigRolloutPlan =
  | { type: 'nothing' }
  /** Takes the configuration for what the pods have. */
  | { type: 'remember'; observed: string }
  | { type: 'forget' }
  | { type: 'roll'; observed: string; hash: string; changed: string[] };

/** ConfigMaps and Secrets that containers mount or read. Secrets for pulling images are the node's affair, not theirs. */
export function configReferences(spec: PodSpec | undefined): ConfigReference[] {
  const found = new Map<string, ConfigReference>();
  const add = (kind: ConfigReference['kind'], name: string | undefined, optional: boolean | undefined) => {
    if (!name) return;
    const key = `${kind}/${name}`;
    const isOptional = optional === true && found.get(key)?.optional !== false;
    found.set(key, { kind, name, optional: isOptional });
  };
  for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
    for (const { valueFrom } of container.env ?? []) {
      add('configmap', valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.optional);
      add('secret', valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.optional);
    }
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      add('configmap', configMapRef?.name, configMapRef?.optional);
      add('secret', secretRef?.name, secretRef?.optional);
    }
  }
  for (const { configMap, secret, projected } of spec?.volumes ?? []) {
    add('configmap', configMap?.name, configMap?.optional);
    add('secret', secret?.secretName, secret?.optional);
    for (const source of projected?.sources ?? []) {
      add('configmap', source.configMap?.name, source.configMap?.optional);
      add('secret', source.secret?.name, source.secret?.optional);
    }
  }
  return [...found.values()];
}

export function isConfigured(workload: KubeObject): boolean {
  return workload.metadata.annotations?.[RESTART_ON_CONFIG_CHANGE] === 'true';
}

/**
 * Pure: what a look at the workload does. The first one, and one at other references than before, only remembers: the pods of
 * that template start with what there is.
 */
export function planConfigRollout(
  workload: ConfiguredWorkload,
  read: (reference: ConfigReference) => KubeObject | undefined,
): ConfigRolloutPlan {
  const before = workload.metadata.annotations?.[OBSERVED_CONFIG];
  if (!isConfigured(workload)) return before === undefined ? { type: 'nothing' } : { type: 'forget' };
  const known = parseObserved(before);
  const digests = new Map<string, string>();
  for (const reference of configReferences(workload.spec.template.spec)) {
    const object = read(reference);
    // New pods could not start without it: the old ones stay until it is back.
    if (!object && !reference.optional) return { type: 'nothing' };
    digests.set(`${reference.kind}/${reference.name}`, object ? digestOf(reference.kind, object) : ABSENT);
  }
  const observed = [...digests]
    .map((entry) => entry.join('='))
    .sort()
    .join(',');
  if (observed === before) return { type: 'nothing' };
  const changed = [...digests].filter(([key, digest]) => known.has(key) && known.get(key) !== digest);
  if (changed.length === 0) return { type: 'remember', observed };
  const hash = sha256(observed);
  return { type: 'roll', observed, hash, changed: changed.map(([key]) => key).sort() };
}

function parseObserved(text = ''): Map<string, string> {
  const entries = text.split(',').map((entry) => entry.split('='));
  return new Map(entries.filter((entry): entry is [string, string] => entry.length === 2));
}

/**
 * Of the data. The digest can be read by who may not read the Secret, and a short secret could be guessed from it: so that
 * has the Secret's uid in it, which only its readers know.
 */
function digestOf(kind: ConfigReference['kind'], object: KubeObject): string {
  const entries = (field: 'data' | 'binaryData') =>
    // own-lookup: a field that is named here
    Object.entries((object[field] ?? {}) as Record<string, string>).sort(([a], [b]) => (a < b ? -1 : 1));
  const salt = kind === 'secret' ? object.metadata.uid : '';
  return sha256(JSON.stringify([salt, entries('data'), entries('binaryData')]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
}
