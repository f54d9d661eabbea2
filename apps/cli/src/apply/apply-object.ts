import { deepCopy, isNotFound, type KubeObject, parseGroupVersion, UNTYPED } from '#apimachinery';
import type { Client, Discovery } from '#client';
import { findKind, schemaNode } from '#kinds';
import { CliError } from '../verb.js';
import { threeWayPatch } from './three-way-patch.js';

/** kubectl's own annotation: either tool can take up what the other applied. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** A mistyped field is an error, as it is with kubectl. */
const WRITE = { fieldManager: 'berth-apply', fieldValidation: 'Strict' } as const;

export interface Cluster {
  client: Client;
  discovery: Pick<Discovery, 'findKind'>;
}

/** Creates the object, or brings it to what is given. Resolves to what there is to say of it. */
export async function applyObject(
  { client, discovery }: Cluster,
  given: KubeObject,
  defaultNamespace: string,
): Promise<string> {
  const found = await discovery.findKind(given.apiVersion, given.kind);
  if (!found?.verbs.includes('create')) {
    throw new CliError(`no matches for kind "${given.kind}" in version "${given.apiVersion}"`);
  }
  const gvr = { group: found.group, version: found.version, resource: found.plural };
  const namespace = found.namespaced ? (given.metadata.namespace ?? defaultNamespace) : '';
  const name = given.metadata.name!;
  const object = deepCopy(given);
  if (namespace) object.metadata.namespace = namespace;
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  object.metadata.annotations = annotations;
  object.metadata.annotations = { ...annotations, [LAST_APPLIED]: `${JSON.stringify(object)}\n` };
  const label = `${found.singular}${found.group ? `.${found.group}` : ''}/${name}`;

  const live = await client.get(gvr, namespace, name).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (!live) {
    await client.create(gvr, namespace, object, WRITE);
    return `${label} created`;
  }
  const text = live.metadata.annotations?.[LAST_APPLIED];
  const schema = schemaOf(given);
  const patch = threeWayPatch(text ? JSON.parse(text) : undefined, object as never, schema ?? UNTYPED);
  const after = await client.patch(gvr, namespace, name, schema ? STRATEGIC : MERGE, patch, WRITE);
  return `${label} ${after.metadata.resourceVersion === live.metadata.resourceVersion ? 'unchanged' : 'configured'}`;
}

const STRATEGIC = 'application/strategic-merge-patch+json';
/** Of custom resources nobody knows merge keys: lists are replaced. */
const MERGE = 'application/merge-patch+json';

/** Merge keys are the release's, and in no discovery. */
function schemaOf({ apiVersion, kind }: KubeObject) {
  const { group, version } = parseGroupVersion(apiVersion)!;
  const known = findKind(group, version, kind);
  return known && schemaNode(known.schemaName);
}
