import { bare, ownValue, setOwn } from '#apimachinery';
import type { ResourceDefinition, SubresourceDefinition } from '../contract/definition.js';
import { apiFacts } from '../facts/facts.js';
import type { Descriptions } from './descriptions.js';
import { type Dialect, type Json, refTo } from './schemas.js';

/** Path items of resources and subresources. */

const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const statusType = `${metaV1}.Status`;
const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];
const bodyTypes = ['application/json', 'application/yaml'];

interface Gvk {
  group: string;
  version: string;
  kind: string;
}

interface Operation {
  action: string;
  /** What it works on, for its description: `one Pod`. */
  subject: string;
  operationId: string;
  tag: string;
  gvk: Gvk;
  /** Query parameters: key into the facts. */
  parameters: string | undefined;
  request?: { types: readonly string[]; schema: string };
  /** Undefined: the answer is no object of the API (logs, proxied content). */
  response: string | undefined;
  codes: readonly number[];
  streams?: boolean;
}

type Method = 'get' | 'put' | 'post' | 'delete' | 'patch' | 'options' | 'head';

export interface Paths {
  paths: Record<string, Json>;
  /** Names of all types that the operations refer to. */
  types: Set<string>;
  descriptions: Descriptions;
}

/** Adds the paths of a resource and of its subresources. */
export function addResourcePaths(dialect: Dialect, item: ResourceDefinition, into: Paths): void {
  const root = item.group === '' ? `/api/${item.version}` : `/apis/${item.group}/${item.version}`;
  const scope = item.namespaced ? `${root}/namespaces/{namespace}` : root;
  const own: Gvk = { group: item.group, version: item.version, kind: item.kind };
  const name = operationName(item);
  const type = item.schemaName;
  const list = item.listSchemaName;
  const has = (verb: string): boolean => item.verbs.includes(verb);
  const write = { types: bodyTypes, schema: type };
  const make = (verb: string, action: string, rest: Partial<Operation>): Operation => ({
    action,
    subject: `one ${item.kind}`,
    operationId: name(verb),
    tag: tagOf(item),
    gvk: own,
    parameters: action,
    response: type,
    codes: [200],
    ...rest,
  });

  const subject = `objects of kind ${item.kind}`;
  const collection: Partial<Record<Method, Operation>> = {};
  if (has('list')) collection.get = make('list', 'list', { subject, response: list, streams: has('watch') });
  if (has('create')) collection.post = make('create', 'post', { request: write, codes: [200, 201, 202] });
  if (has('deletecollection')) {
    const answer = { response: statusType, request: deleteBody };
    collection.delete = make('deleteCollection', 'deletecollection', { subject, ...answer });
  }
  addPath(dialect, into, `${scope}/${item.plural}`, collection, item.namespaced ? ['namespace'] : []);
  if (item.namespaced && has('list')) {
    const everywhere = `${subject} in all namespaces`;
    const all = make('listForAll', 'list', { subject: everywhere, response: list, streams: has('watch') });
    addPath(dialect, into, `${root}/${item.plural}`, { get: all }, []);
  }

  const single: Partial<Record<Method, Operation>> = {};
  if (has('get')) single.get = make('read', 'get', {});
  if (has('update')) single.put = make('replace', 'put', { request: write, codes: [200, 201] });
  if (has('delete')) {
    single.delete = make('delete', 'delete', { response: statusType, request: deleteBody, codes: [200, 202] });
  }
  if (has('patch')) single.patch = make('patch', 'patch', { request: patchBody, codes: [200, 201] });
  const parameters = item.namespaced ? ['name', 'namespace'] : ['name'];
  if (Object.keys(single).length > 0) addPath(dialect, into, `${scope}/${item.plural}/{name}`, single, parameters);

  for (const subresource of item.subresources) {
    addSubresource(dialect, item, subresource, `${scope}/${item.plural}/{name}/${subresource.name}`, parameters, into);
  }
}

const deleteBody = { types: bodyTypes, schema: `${metaV1}.DeleteOptions` };
const patchBody = { types: patchTypes, schema: `${metaV1}.Patch` };
const verbMethods = bare<[Method, string, string]>({
  get: ['get', 'get', 'read'],
  update: ['put', 'put', 'replace'],
  patch: ['patch', 'patch', 'patch'],
  create: ['post', 'post', 'create'],
  delete: ['delete', 'delete', 'delete'],
});

function addSubresource(
  dialect: Dialect,
  item: ResourceDefinition,
  subresource: SubresourceDefinition,
  path: string,
  parameters: string[],
  into: Paths,
): void {
  const gvk: Gvk = { group: subresource.group, version: subresource.version, kind: subresource.kind };
  const name = operationName(item);
  const connect = `connect ${item.plural}/${subresource.name}`;
  const params = apiFacts().params;
  const isOwn = gvk.group === item.group && gvk.version === item.version && gvk.kind === item.kind;
  const type = isOwn ? item.schemaName : typeOf(gvk);
  const operations: Partial<Record<Method, Operation>> = {};
  for (const verb of subresource.verbs) {
    const [method, action, word] = verbMethods[verb]!;
    const suffix = subresource.name.replace(/^./, (letter) => letter.toUpperCase());
    const shared = { tag: tagOf(item), subject: `${subresource.name} of one ${item.kind}`, gvk, codes: [200] };
    if (ownValue(params, connect) !== undefined) {
      const operationId = `${name(`connect${method[0]!.toUpperCase()}${method.slice(1)}`)}${suffix}`;
      operations[method] = { ...shared, operationId, action: 'connect', parameters: connect, response: undefined };
      continue;
    }
    const log = `get ${item.plural}/${subresource.name}`;
    operations[method] = {
      ...shared,
      operationId: `${name(word)}${suffix}`,
      action,
      parameters: ownValue(params, log) === undefined ? action : log,
      response: ownValue(params, log) === undefined ? type : undefined,
      ...(method === 'put' || method === 'post' ? { request: { types: bodyTypes, schema: type! } } : undefined),
      ...(method === 'patch' ? { request: patchBody } : undefined),
    };
  }
  addPath(dialect, into, path, operations, parameters);
}

let typesByGvk: Map<string, string> | undefined;

function typeOf({ group, version, kind }: Gvk): string | undefined {
  if (typesByGvk === undefined) {
    typesByGvk = new Map();
    for (const [name, type] of Object.entries(apiFacts().types))
      for (const gvk of type.gvk ?? []) typesByGvk.set(gvk, name);
  }
  return typesByGvk.get(group === '' ? `${version}/${kind}` : `${group}/${version}/${kind}`);
}

/** `apps_v1`: how clients that are generated group operations. */
function tagOf({ group, version }: ResourceDefinition): string {
  return `${group === '' ? 'core' : camel(group, false)}_${version}`;
}

function camel(group: string, capital: boolean): string {
  const short = group.replace(/\.k8s\.io$/, '').split('.');
  const words = short.map((word, i) => (i > 0 || capital ? word[0]!.toUpperCase() + word.slice(1) : word));
  return words.join('');
}

/** Operation ids as the reference forms them: verb, group, version, scope, kind. */
function operationName(item: ResourceDefinition): (verb: string) => string {
  const group = item.group === '' ? 'Core' : camel(item.group, true);
  const middle = `${group}${item.version[0]!.toUpperCase()}${item.version.slice(1)}`;
  const scope = item.namespaced ? 'Namespaced' : '';
  return (verb) => {
    if (verb === 'deleteCollection') return `delete${middle}Collection${scope}${item.kind}`;
    if (verb === 'listForAll') return `list${middle}${item.kind}ForAllNamespaces`;
    return `${verb}${middle}${scope}${item.kind}`;
  };
}

function addPath(
  dialect: Dialect,
  into: Paths,
  path: string,
  operations: Partial<Record<Method, Operation>>,
  pathParameters: string[],
): void {
  const item: Json = {};
  for (const [method, operation] of Object.entries(operations))
    setOwn(item, method, describe(dialect, operation, into));
  const parameters = pathParameters.map((name) => ({
    name,
    in: 'path',
    required: true,
    description: into.descriptions.ofParameter(name),
    ...typed(dialect, 'string'),
  }));
  if (parameters.length > 0) item['parameters'] = parameters;
  setOwn(into.paths, path, item);
}

function typed(dialect: Dialect, type: string): Json {
  return dialect === 3 ? { schema: { type, uniqueItems: true } } : { type, uniqueItems: true };
}

function describe(dialect: Dialect, operation: Operation, { types, descriptions }: Paths): Json {
  const query = Object.entries(ownValue(apiFacts().params, operation.parameters ?? '') ?? {});
  const parameters: Json[] = query.map(([name, type]) => ({
    name,
    in: 'query',
    description: descriptions.ofParameter(name),
    ...typed(dialect, type),
  }));
  const described: Json = {
    tags: [operation.tag],
    description: descriptions.ofOperation(operation.action, operation.subject),
    operationId: operation.operationId,
  };
  const { request, response } = operation;
  if (request !== undefined) {
    types.add(request.schema);
    const schema = refTo(dialect, request.schema);
    if (dialect === 3) {
      described['requestBody'] = { content: Object.fromEntries(request.types.map((type) => [type, { schema }])) };
      if (operation.action !== 'delete' && operation.action !== 'deletecollection') {
        (described['requestBody'] as Json)['required'] = true;
      }
    } else {
      parameters.push({ name: 'body', in: 'body', schema });
      described['consumes'] = request.types;
    }
  }
  if (response !== undefined) types.add(response);
  const answerTypes = [...bodyTypes, ...(operation.streams ? ['application/json;stream=watch'] : [])];
  const schema = response === undefined ? { type: 'string' } : refTo(dialect, response);
  const content = Object.fromEntries(
    (response === undefined ? ['*/*'] : answerTypes).map((type) => [type, { schema }]),
  );
  const ok = dialect === 3 ? { description: 'OK', content } : { description: 'OK', schema };
  if (dialect === 2) described['produces'] = response === undefined ? ['*/*'] : answerTypes;
  if (parameters.length > 0) described['parameters'] = parameters;
  described['responses'] = {
    ...Object.fromEntries(operation.codes.map((code) => [String(code), ok])),
    401: { description: 'Unauthorized' },
  };
  described['x-kubernetes-action'] = operation.action;
  described['x-kubernetes-group-version-kind'] = operation.gvk;
  return described;
}
