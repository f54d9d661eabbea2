import type { IncomingMessage } from 'node:http';
import {
  deepFreeze,
  type GroupVersionResource,
  type KubeList,
  type KubeObject,
  type StatusError,
  statusErrorFrom,
  type WatchEvent,
} from '#apimachinery';
import type { Client, DeleteOptions, ListOptions, PatchType, WatchOptions, WriteOptions } from './client.js';
import { type HttpResponse, HttpTransport, type HttpTransportOptions } from './http-transport.js';
import { LineSplitter } from './json-lines.js';
import type { ClientConfig } from './kubeconfig.js';
import { listQuery, resourcePath, watchQuery, withQuery, writeQuery } from './resource-path.js';

const JSON_TYPE = 'application/json';
/** A stream that is silent for longer than it was asked to last, plus this, is a dead connection. Milliseconds. */
const STREAM_SLACK = 30_000;
/** client-go's reflector asks for a watch of 5 to 10 minutes. Seconds. */
const MIN_WATCH_SECONDS = 300;

/** The Client over HTTP/1.1 and TLS, for processes that are not the API server. */
export class HttpClient implements Client {
  readonly transport: HttpTransport;

  constructor(config: ClientConfig, options: HttpTransportOptions = {}) {
    this.transport = new HttpTransport(config, options);
  }

  get<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    subresource?: string,
    query?: Readonly<Record<string, string>>,
  ): Promise<T> {
    return this.call('GET', withQuery(resourcePath(gvr, namespace, name, subresource), new URLSearchParams(query)));
  }

  list<T extends KubeObject = KubeObject>(gvr: GroupVersionResource, options: ListOptions = {}): Promise<KubeList<T>> {
    return this.call('GET', withQuery(resourcePath(gvr, options.namespace ?? ''), listQuery(options)));
  }

  async *watch<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const timeoutSeconds = options.timeoutSeconds ?? Math.ceil(MIN_WATCH_SECONDS * (1 + Math.random()));
    const query = watchQuery({ ...options, timeoutSeconds });
    const path = withQuery(resourcePath(gvr, options.namespace ?? ''), query);
    let response: IncomingMessage;
    try {
      response = await this.transport.stream({
        method: 'GET',
        path,
        headers: { accept: JSON_TYPE },
        signal: options.signal,
      });
    } catch (error) {
      if (options.signal?.aborted) return;
      throw error;
    }
    if (response.statusCode !== 200) throw statusError(response.statusCode ?? 0, await readAll(response));
    // The connection outlives the watch when that ends in good order, and takes the next one.
    const { socket } = response;
    const cut = () => response.destroy();
    socket.setTimeout(timeoutSeconds * 1000 + STREAM_SLACK, cut);
    response.once('close', () => socket.off('timeout', cut));
    const lines = new LineSplitter();
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        for (const line of lines.push(chunk)) {
          const event = JSON.parse(line.toString('utf8')) as WatchEvent<T>;
          if (event.type === 'ERROR') throw statusErrorFrom(event.object, 500);
          deepFreeze(event.object);
          yield event;
        }
      }
    } catch (error) {
      if (!options.signal?.aborted) throw error;
    } finally {
      response.destroy();
    }
  }

  create<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options: WriteOptions & { name?: string } = {},
  ): Promise<T> {
    const path = resourcePath(gvr, namespace, options.name, options.subresource);
    return this.call('POST', withQuery(path, writeQuery(options)), object);
  }

  update<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = resourcePath(gvr, namespace, object.metadata.name, options.subresource);
    return this.call('PUT', withQuery(path, writeQuery(options)), object);
  }

  patch<T extends KubeObject = KubeObject>(
    gvr: GroupVersionResource,
    namespace: string,
    name: string,
    type: PatchType,
    patch: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = resourcePath(gvr, namespace, name, options.subresource);
    return this.call('PATCH', withQuery(path, writeQuery(options)), patch, type);
  }

  async delete(gvr: GroupVersionResource, namespace: string, name: string, options: DeleteOptions = {}): Promise<void> {
    await this.call('DELETE', resourcePath(gvr, namespace, name), deleteBody(options));
  }

  async deleteCollection(
    gvr: GroupVersionResource,
    selection: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    options: DeleteOptions = {},
  ): Promise<void> {
    const path = resourcePath(gvr, selection.namespace ?? '');
    await this.call('DELETE', withQuery(path, listQuery(selection)), deleteBody(options));
  }

  close(): void {
    this.transport.close();
  }

  private async call<T>(method: string, path: string, body?: unknown, contentType = JSON_TYPE): Promise<T> {
    const headers: Record<string, string> = { accept: JSON_TYPE };
    if (body !== undefined) headers['content-type'] = contentType;
    const response = await this.transport.request({
      method,
      path,
      headers,
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    return parseAnswer(response);
  }
}

function deleteBody({ dryRun, ...options }: DeleteOptions): unknown {
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...options, ...(dryRun ? { dryRun: ['All'] } : {}) };
}

/** The frozen object of an answer; throws StatusError for everything that is no success. */
function parseAnswer<T>(response: HttpResponse): T {
  if (response.status < 200 || response.status > 299) throw statusError(response.status, response.body);
  return deepFreeze(JSON.parse(response.body.toString('utf8')));
}

function statusError(code: number, body: Buffer): StatusError {
  const text = body.toString('utf8');
  try {
    return statusErrorFrom(JSON.parse(text), code);
  } catch {
    return statusErrorFrom(text.trim().slice(0, 2048), code);
  }
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}
