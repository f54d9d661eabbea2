import {
  type GroupVersionResource,
  type KubeList,
  type KubeObject,
  type ObjectMeta,
  type Status,
  StatusError,
  type UserInfo,
  type WatchEvent,
} from '#apimachinery';
import {
  type Client,
  type DeleteOptions,
  type ListOptions,
  listQuery,
  type PatchType,
  type WatchOptions,
  type WriteOptions,
  watchQuery,
  writeQuery,
} from '#client';
import type { ApiHandler } from './api-handler.js';
import type { ApiRequest } from './api-request.js';
import type { ApiResult, WatchItem } from './api-result.js';
import { ENDLESS, lifetimeOf } from './request-lifetime.js';
import type { ResourceTable } from './resource-table.js';
import { servedObject } from './resource-table.js';

const NO_QUERY = new URLSearchParams();

/**
 * The object path without HTTP and TLS: the caller keeps its identity, and RBAC and admission apply. Objects come out of
 * the cache as they are, frozen, so reading costs no copy.
 */
export class InProcessClient implements Client {
  constructor(
    private readonly handler: ApiHandler,
    private readonly resources: ResourceTable,
    private readonly user: UserInfo,
    private readonly userAgent: string,
  ) {}

  async get<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    subresource = '',
    query?: Readonly<Record<string, string>>,
  ): Promise<T> {
    const parts = { namespace, name, subresource, query: query ? new URLSearchParams({ ...query }) : NO_QUERY };
    return this.single(gvr, await this.run(gvr, 'get', parts));
  }

  async list<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    options: ListOptions = {},
  ): Promise<KubeList<T>> {
    const result = await this.run(gvr, 'list', { namespace: options.namespace ?? '', query: listQuery(options) });
    if (result.kind !== 'list') throw new Error('a list was answered with something else');
    const entry = this.entry(gvr);
    const metadata: KubeList['metadata'] = {};
    if (result.revision !== undefined) metadata.resourceVersion = String(result.revision);
    if (result.continue !== undefined) metadata.continue = result.continue;
    if (result.remaining !== undefined) metadata.remainingItemCount = result.remaining;
    return {
      kind: entry.definition.listKind,
      apiVersion: entry.apiVersion,
      metadata,
      items: result.items.map((item) => servedObject(entry, item) as T),
    };
  }

  async *watch<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const query = watchQuery(options);
    const result = await this.run(gvr, 'watch', {
      namespace: options.namespace ?? '',
      query,
      lifetime: lifetimeOf(options.signal),
    });
    if (result.kind !== 'watch') throw new Error('a watch was answered with something else');
    const entry = this.entry(gvr);
    try {
      for (;;) {
        const items = await result.session.next();
        if (items === undefined) return;
        for (const item of items) {
          if (item.type === 'ERROR') throw new StatusError(item.literal as Status);
          yield { type: item.type, object: objectOf(item) as T };
        }
      }
    } finally {
      result.session.stop();
    }

    function objectOf(item: WatchItem): KubeObject {
      return item.object ? servedObject(entry, item.object) : (item.literal as KubeObject);
    }
  }

  async create<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options: WriteOptions & { name?: string } = {},
  ): Promise<T> {
    const { name = '', subresource = '' } = options;
    const query = queryOf(options);
    return this.single(gvr, await this.run(gvr, 'create', { namespace, name, subresource, query, body: object }));
  }

  async update<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const name = (object.metadata as ObjectMeta).name ?? '';
    const { subresource = '' } = options;
    const query = queryOf(options);
    return this.single(gvr, await this.run(gvr, 'update', { namespace, name, subresource, query, body: object }));
  }

  async patch<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    type: PatchType,
    patch: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const { subresource = '' } = options;
    const query = queryOf(options);
    const parts = { namespace, name, subresource, query, body: patch as object, contentType: type };
    return this.single(gvr, await this.run(gvr, 'patch', parts));
  }

  async delete(gvr: GroupVersionResource, namespace: string, name: string, options: DeleteOptions = {}): Promise<void> {
    await this.run(gvr, 'delete', { namespace, name, body: deleteBody(options) });
  }

  async deleteCollection(
    gvr: GroupVersionResource,
    selection: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    options: DeleteOptions = {},
  ): Promise<void> {
    const parts = { namespace: selection.namespace ?? '', query: listQuery(selection), body: deleteBody(options) };
    await this.run(gvr, 'deletecollection', parts);
  }

  private async run(gvr: GroupVersionResource, verb: string, parts: Partial<ApiRequest>): Promise<ApiResult> {
    const request: ApiRequest = {
      verb,
      group: gvr.group,
      version: gvr.version,
      resource: gvr.resource,
      subresource: '',
      namespace: '',
      name: '',
      path: '',
      query: NO_QUERY,
      body: undefined,
      contentType: '',
      userAgent: this.userAgent,
      user: this.user,
      lifetime: ENDLESS,
      ...parts,
    };
    return this.handler.handle(await this.handler.authorize(request), { warnings: [] });
  }

  private single<T extends KubeObject>(gvr: GroupVersionResource, result: ApiResult): T {
    if (result.kind === 'cached') return servedObject(this.entry(gvr), result.object) as T;
    if (result.kind === 'object') return result.object as T;
    throw new Error('a request for one object was answered with something else');
  }

  private entry(gvr: GroupVersionResource) {
    return this.resources.find(gvr.group, gvr.version, gvr.resource)!;
  }
}

/** Most writes ask for nothing special. */
function queryOf(options: WriteOptions): URLSearchParams {
  const { fieldManager, fieldValidation, dryRun, force } = options;
  return fieldManager || fieldValidation || dryRun || force ? writeQuery(options) : NO_QUERY;
}

function deleteBody({ dryRun, ...rest }: DeleteOptions): object {
  return { ...rest, ...(dryRun ? { dryRun: ['All'] } : undefined) };
}
