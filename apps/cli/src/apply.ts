import { existsSync } from 'node:fs';
import { deepCopy, isNotFound, type KubeObject, parseGroupVersion } from '#apimachinery';
import { type Client, HttpClient, loadConfig } from '#client';
import { findKind, type ResourceDefinition, schemaNode } from '#kinds';
import { type Flag, parseFlags, usage } from '#settings';
import { readManifests } from './apply/manifests.js';
import { threeWayPatch } from './apply/three-way-patch.js';
import { dataDirFlag, dataDirOf } from './settings.js';
import { CliError, UsageError, type Verb } from './verb.js';

/** kubectl's own annotation: either tool can take up what the other applied. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

const flags: readonly Flag[] = [
  dataDirFlag,
  {
    name: 'filename',
    argument: 'PATH',
    help: 'file, folder, or - for standard input; -f for short; may repeat',
    multiple: true,
    short: 'f',
  },
  { name: 'namespace', argument: 'NAME', help: 'for objects that name none', default: 'default' },
  { name: 'kubeconfig', argument: 'FILE', help: 'another cluster', default: "this Berth's" },
];

export const apply: Verb = {
  async run(args) {
    const { values } = parseFlags(flags, args);
    if (values.help) {
      process.stdout.write(
        usage('berth apply -f PATH...', 'Creates or updates the objects of all documents, in their order.', flags),
      );
      return 0;
    }
    const paths = (values.filename as string[] | undefined) ?? [];
    if (paths.length === 0) throw new UsageError('apply needs -f PATH');
    const manifests = readManifests(paths);
    if (manifests.length === 0) throw new CliError('the input contains no object');
    const own = dataDirOf(values).kubeconfig;
    if (!values.kubeconfig && !existsSync(own)) throw new CliError(`${own} does not exist yet; run: npm run up`);
    const config = loadConfig({ path: (values.kubeconfig as string | undefined) ?? own });
    const client = new HttpClient(config);
    let failed = 0;
    for (const { object, origin } of manifests) {
      try {
        console.log(await applyOne(client, object, (values.namespace as string | undefined) ?? 'default'));
      } catch (error) {
        console.error(`${origin}: ${(error as Error).message}`);
        failed++;
      }
    }
    return failed === 0 ? 0 : 1;
  },
};

/** A mistyped field is an error, as it is with kubectl. */
const WRITE = { fieldManager: 'berth-apply', fieldValidation: 'Strict' } as const;

async function applyOne(client: Client, given: KubeObject, defaultNamespace: string): Promise<string> {
  const definition = definitionOf(given);
  const gvr = { group: definition.group, version: definition.version, resource: definition.plural };
  const namespace = definition.namespaced ? (given.metadata.namespace ?? defaultNamespace) : '';
  const name = given.metadata.name!;
  const object = deepCopy(given);
  if (namespace) object.metadata.namespace = namespace;
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  object.metadata.annotations = annotations;
  object.metadata.annotations = { ...annotations, [LAST_APPLIED]: `${JSON.stringify(object)}\n` };
  const label = `${definition.singular}${definition.group ? `.${definition.group}` : ''}/${name}`;

  const live = await client.get(gvr, namespace, name).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (!live) {
    await client.create(gvr, namespace, object, WRITE);
    return `${label} created`;
  }
  const text = live.metadata.annotations?.[LAST_APPLIED];
  const patch = threeWayPatch(text ? JSON.parse(text) : undefined, object as never, schemaNode(definition.schemaName));
  const after = await client.patch(gvr, namespace, name, 'application/strategic-merge-patch+json', patch, WRITE);
  return `${label} ${after.metadata.resourceVersion === live.metadata.resourceVersion ? 'unchanged' : 'configured'}`;
}

function definitionOf(object: KubeObject): ResourceDefinition {
  const { group, version } = parseGroupVersion(object.apiVersion) ?? { group: '', version: '' };
  const found = findKind(group, version, object.kind);
  if (!found?.verbs.includes('create'))
    throw new CliError(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
  return found;
}
