import type { KubeObject } from '#apimachinery';
import type { CachedObject, ObjectFilter } from '../storage/store.js';
import type { ApiRequest } from './api-request.js';
import type { ApiResult } from './api-result.js';
import { parseListOptions } from './request-options.js';
import type { ResourceEntry } from './resource-table.js';
import { buildSelection } from './selection.js';

/** A resource whose objects are made when they are read, and stored nowhere: it has the verbs get and list. */
export interface ComputedResource {
  group: string;
  version: string;
  /** Plural as in the path. */
  resource: string;
  /** Throws StatusError. */
  get(namespace: string, name: string): Promise<KubeObject>;
  /** In the order in which they are served. `namespace` undefined: all. The filter asks for name, namespace and labels alone. */
  list(selection: { namespace: string | undefined; filter: ObjectFilter | undefined }): Promise<KubeObject[]>;
}

export async function answerComputed(
  entry: ResourceEntry,
  computed: ComputedResource,
  request: ApiRequest,
): Promise<ApiResult> {
  if (request.verb === 'get') {
    const object = await computed.get(request.namespace, request.name);
    return { kind: 'object', code: 200, resource: entry.definition, object };
  }
  const { labelSelector, fieldSelector } = parseListOptions(request.query, false);
  const { filter } = buildSelection(entry, labelSelector, fieldSelector, request.name);
  const namespace = request.namespace === '' ? undefined : request.namespace;
  const objects = await computed.list({ namespace, filter });
  const items = objects.map((object) => new ComputedObject(object));
  return { kind: 'list', resource: entry.definition, revision: undefined, items };
}

/** Whether a selection takes an object that was made. */
export function selects(filter: ObjectFilter | undefined, object: KubeObject): boolean {
  return filter === undefined || filter.matches(new ComputedObject(object));
}

/** Below all revisions of the store: they name states of objects, and this one shares its state with no other. */
let lastRevision = 0;

class ComputedObject implements CachedObject {
  readonly namespace: string;
  readonly name: string;
  readonly uid = '';
  readonly revision: number;
  private encoded: Buffer | undefined;

  constructor(private readonly object: KubeObject) {
    this.namespace = object.metadata.namespace ?? '';
    this.name = object.metadata.name!;
    this.revision = --lastRevision;
  }

  get bytes(): Buffer {
    return (this.encoded ??= Buffer.from(JSON.stringify(this.object)));
  }

  get labels(): Readonly<Record<string, string>> | undefined {
    return this.object.metadata.labels;
  }

  bytesFor(): Buffer {
    return this.bytes;
  }

  isConverted(): boolean {
    return true;
  }

  /** There is one version of it. */
  keepConverted(): void {}

  isStoredAs(): boolean {
    return true;
  }

  field(label: string): string {
    return label === 'metadata.name' ? this.name : label === 'metadata.namespace' ? this.namespace : '';
  }

  parse(): KubeObject {
    return this.object;
  }

  peek(): KubeObject {
    return this.object;
  }
}
