import type { GroupVersionResource, KubeList, KubeObject, WatchEvent } from '#apimachinery';

export interface ListOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  limit?: number;
  continue?: string;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  allowWatchBookmarks?: boolean;
  sendInitialEvents?: boolean;
  /** The server ends the stream after this long; absent: a time of its choice. */
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

export interface WriteOptions {
  fieldManager?: string;
  dryRun?: boolean;
  subresource?: string;
  /** What unknown and repeated fields are: an error, a warning (the server's default), or nothing. */
  fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  /** Apply patches only: take over fields that others own. */
  force?: boolean;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: boolean;
}

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

/**
 * One client, two transports: HTTP, and in process (the same request pipeline without HTTP and TLS). Either way the
 * caller has an identity, and RBAC and admission apply. Failures are `StatusError`. Objects that come back are frozen:
 * copy before changing them.
 */
export interface Client {
  get<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    subresource?: string,
    /** Of APIs whose objects are computed for the request: custom metrics. */
    query?: Readonly<Record<string, string>>,
  ): Promise<T>;
  list<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, options?: ListOptions): Promise<KubeList<T>>;
  /** Ends when the server ends the stream or the signal fires; an in-stream ERROR is thrown as StatusError. */
  watch<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    options?: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options?: WriteOptions & { name?: string },
  ): Promise<T>;
  update<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions,
  ): Promise<T>;
  delete(gvr: GroupVersionResource, namespace: string, name: string, options?: DeleteOptions): Promise<void>;
  /** Deletes what the selection finds. */
  deleteCollection(
    gvr: GroupVersionResource,
    selection: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    options?: DeleteOptions,
  ): Promise<void>;
}
