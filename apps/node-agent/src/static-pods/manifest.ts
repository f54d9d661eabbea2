import { createHash } from 'node:crypto';
import { parseDocument, YAMLParseError } from 'yaml';
import { aggregateMessages, fieldErrorText, formatTime, type KubeObject } from '#apimachinery';
import { apiObjectReference, DecodeError, decodeAs, findResource, type ResourceDefinition } from '#kinds';
import type { Pod } from '../pod/pod.js';
import { SourceAnnotation } from '../pod/pod-source.js';

/** A file that holds no pod which could run; one line that names the file. */
export class ManifestError extends Error {}

export interface ManifestSource {
  file: string;
  nodeName: string;
  /** When the file was first seen. */
  seen: Date;
}

/**
 * Pure: the static pod that a file describes, with the defaults and checks that the API server would give it. Its uid is a
 * hash of what is written and of where: another text is another pod. Throws ManifestError.
 */
export function staticPod(text: string, source: ManifestSource): Pod {
  const { file, nodeName, seen } = source;
  const fail = (why: string): never => {
    throw new ManifestError(`${file}: ${why}`);
  };
  const written = parse(text, fail);
  if (written.apiVersion !== 'v1' || written.kind !== 'Pod') fail('not a v1 Pod');
  const definition = findResource('', 'v1', 'pods')!;
  const pod = decode(written, definition, fail);
  if (!pod.metadata?.name) fail('metadata.name is missing');
  const uid = pod.metadata.uid ?? hashOf(written, source);
  pod.metadata = {
    ...pod.metadata,
    name: `${pod.metadata.name}-${nodeName.toLowerCase()}`,
    namespace: pod.metadata.namespace || 'default',
    uid,
    annotations: {
      ...pod.metadata.annotations,
      [SourceAnnotation.hash]: uid,
      [SourceAnnotation.seen]: formatTime(seen),
      [SourceAnnotation.source]: 'file',
    },
  };
  const tolerations = (pod['spec']?.tolerations ?? []).filter((toleration: object) => !isOurs(toleration));
  pod['spec'] = {
    ...pod['spec'],
    nodeName,
    tolerations: [...tolerations, { operator: 'Exists', effect: 'NoExecute' }],
  };
  pod['status'] = { phase: 'Pending' };
  definition.strategy.applyDefaults(pod);
  const context = { user: { name: '', groups: [] }, now: seen, subresource: '', warn: () => {} };
  const errors = definition.strategy.validateCreate(pod, context);
  if (errors.length > 0) fail(`invalid pod: ${aggregateMessages(errors.map(fieldErrorText))}`);
  const reference = apiObjectReference(pod);
  if (reference) fail(`static pods may not reference ${reference}`);
  return pod as Pod;
}

function parse(text: string, fail: (why: string) => never): KubeObject {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) fail(problem instanceof YAMLParseError ? problem.message.split('\n')[0]! : problem.message);
  const value: unknown = document.toJS();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('not an object');
  return value as KubeObject;
}

function decode(written: KubeObject, definition: ResourceDefinition, fail: (why: string) => never): KubeObject {
  try {
    return decodeAs(definition.schemaName, structuredClone(written)).object;
  } catch (error) {
    if (error instanceof DecodeError) return fail(error.message);
    throw error;
  }
}

function hashOf(written: KubeObject, { file, nodeName }: ManifestSource): string {
  const content = JSON.stringify([written, `host:${nodeName}`, `file:${file}`]);
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}

/** Static pods stay whatever happens to the node: what says so is written once. */
function isOurs(toleration: { key?: string; operator?: string; effect?: string }): boolean {
  return !toleration.key && toleration.operator === 'Exists' && toleration.effect === 'NoExecute';
}
