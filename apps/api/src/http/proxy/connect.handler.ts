import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import {
  badRequest,
  bare,
  genericNotFound,
  type KubeObject,
  methodNotAllowed,
  setOwn,
  type UserInfo,
} from '#apimachinery';
import type { SubresourceDefinition } from '#kinds';
import type { Lister } from '../../admission/lister.js';
import { authorizeOrThrow } from '../../registry/authorization.js';
import type { ApiRequest } from '../../registry/pipeline.js';
import { freshen } from '../../registry/reader.js';
import type { RegistryContext } from '../../registry/registry-context.js';
import type { ConnectHandler } from '../request-dispatcher.js';
import type { RequestInfo } from '../request-info.js';
import { executionPath, findPod, logPath, portForwardPath } from './pod-stream-target.js';
import { HOST_NETWORK, type ProxyNetwork, proxyableAddress } from './proxy-network.js';
import {
  nodeProxyServer,
  nodeServer,
  type ProxyServer,
  type ProxyTarget,
  podServer,
  serviceServer,
} from './proxy-target.js';
import { pipeRequest, pipeUpgrade } from './upstream-pipe.js';
import { pipeToWebSocket } from './web-socket-reader.js';

const CONNECTS = bare<ReadonlySet<string>>({
  pods: new Set(['log', 'exec', 'attach', 'portforward', 'proxy']),
  nodes: new Set(['proxy']),
  services: new Set(['proxy']),
});
/** Streams end in an upgrade of the connection. */
const UPGRADES = new Set(['exec', 'attach', 'portforward']);
const NEVER = new AbortController().signal;

export interface NodeCredentials {
  /** What the node servers are verified with, and what they know this server by; PEM. */
  ca: string;
  cert: string;
  key: string;
}

/** Streams and proxies: authorized and admitted here, answered by node servers, pods and endpoints. */
export class NodeConnectHandler implements ConnectHandler {
  private readonly nodeTls: ConnectionOptions;

  constructor(
    private readonly context: RegistryContext,
    private readonly lister: Lister,
    credentials: NodeCredentials,
    private readonly network: ProxyNetwork = HOST_NETWORK,
    private readonly random: () => number = Math.random,
  ) {
    this.nodeTls = { ...credentials };
  }

  takes(info: RequestInfo): boolean {
    return info.group === '' && (CONNECTS[info.resource]?.has(info.subresource) ?? false);
  }

  async serve(request: IncomingMessage, response: ServerResponse, info: RequestInfo, user: UserInfo): Promise<void> {
    await this.authorize(request, info, user);
    if (UPGRADES.has(info.subresource)) {
      await this.target(info);
      throw badRequest('Upgrade request required');
    }
    const location = redirectLocation(request, info);
    if (location) {
      response.writeHead(301, { Location: location, 'Content-Length': 0 });
      response.end();
      return;
    }
    const target = await this.target(info);
    if (!target) {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 0 });
      response.end();
      return;
    }
    await pipeRequest(request, response, target, {
      statusErrors: info.subresource === 'log',
      ...(info.subresource === 'proxy' ? { linkPrefix: proxyPrefix(info) } : undefined),
    });
  }

  async upgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    info: RequestInfo,
    user: UserInfo,
  ): Promise<void> {
    if (!this.takes(info)) throw genericNotFound();
    await this.authorize(request, info, user);
    const target = await this.target(info);
    if (!target) throw badRequest(`pod ${info.name} does not have a host assigned`);
    // Node servers stream logs over plain HTTP; a browser may want them as WebSocket messages.
    if (info.subresource === 'log') await pipeToWebSocket(request, socket, head, target);
    else await pipeUpgrade(request, socket, head, target);
  }

  private async authorize(request: IncomingMessage, info: RequestInfo, user: UserInfo): Promise<void> {
    const asked: ApiRequest = {
      verb: info.verb,
      group: info.group,
      version: info.version,
      resource: info.resource,
      subresource: info.subresource,
      namespace: info.namespace,
      name: info.name,
      path: info.path,
      query: info.query,
      body: undefined,
      contentType: '',
      userAgent: request.headers['user-agent'] ?? '',
      user,
      signal: NEVER,
    };
    await authorizeOrThrow(this.context, asked);
    // A WebSocket begins with GET, but running commands is no reading: it takes the right that SPDY's POST takes.
    if (UPGRADES.has(info.subresource) && info.verb === 'get') {
      await authorizeOrThrow(this.context, { ...asked, verb: 'create' });
    }
    const entry = this.context.resources.find(info.group, info.version, info.resource);
    if (!entry) throw genericNotFound();
    const sub = entry.subresources.get(info.subresource);
    if (info.rest.length > 0 && info.subresource !== 'proxy') throw genericNotFound();
    if (!sub || !servesMethod(sub, request.method ?? 'GET', info.verb)) throw methodNotAllowed();
    if (info.subresource === 'log') return;
    const { group, version, plural } = entry.definition;
    const attributes = {
      operation: 'CONNECT' as const,
      resource: { group, version, resource: plural },
      kind: sub.kind,
      subresource: info.subresource,
      namespace: info.namespace,
      name: info.name,
      object: connectOptions(sub.kind, info.query),
      oldObject: undefined,
      options: {},
      user,
      dryRun: false,
      warn: () => {},
    };
    await this.context.admission.admit(attributes);
    await this.context.admission.validate(attributes);
  }

  /** By the newest state, like any other get. Undefined: there is nothing to ask, and nothing is the answer. */
  private async target(info: RequestInfo): Promise<ProxyTarget | undefined> {
    await freshen(this.context, '');
    const { resource, subresource, name, namespace, query } = info;
    if (subresource === 'proxy') {
      const server = this.proxied(resource, namespace, name);
      return this.reach(server, restPath(info), await proxyableAddress(server.host, this.network));
    }
    const pod = findPod(this.lister, namespace, name);
    const path = streamPath(subresource, pod, query);
    if (path === undefined) return undefined;
    const server = { ...nodeServer(this.lister, pod.spec.nodeName), secure: true, tls: this.nodeTls };
    return this.reach(server, path, server.host);
  }

  private proxied(resource: string, namespace: string, id: string): ProxyServer {
    if (resource === 'nodes') return nodeProxyServer(this.lister, id, this.nodeTls);
    if (resource === 'services') return serviceServer(this.lister, namespace, id, this.random);
    return podServer(this.lister, namespace, id);
  }

  private reach(server: ProxyServer, path: string, address: string): ProxyTarget {
    return { ...server, path, connect: () => this.network.connect(address, server.port) };
  }
}

function streamPath(subresource: string, pod: KubeObject, query: URLSearchParams): string | undefined {
  if (subresource === 'log') return logPath(pod, query);
  if (subresource === 'portforward') return portForwardPath(pod, query);
  return executionPath(subresource === 'exec' ? 'exec' : 'attach', pod, query);
}

function connectOptions(kind: string, query: URLSearchParams): KubeObject {
  const options: KubeObject = { apiVersion: 'v1', kind, metadata: {} };
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    setOwn(options, name, name === 'command' || name === 'ports' ? values : values[0]);
  }
  return options;
}

/** Proxies pass on HEAD, and OPTIONS, which has no verb of its own; the others answer neither. */
function servesMethod({ name, verbs }: SubresourceDefinition, method: string, verb: string): boolean {
  if (name === 'proxy') return method === 'OPTIONS' || verbs.includes(verb);
  return method !== 'HEAD' && verbs.includes(verb);
}

/** What follows `/proxy`, with its query, as it was sent. */
function restPath(info: RequestInfo): string {
  const path = `/${info.rest.map(encodeURIComponent).join('/')}`;
  const slashed = info.rest.length > 0 && info.path.endsWith('/') ? `${path}/` : path;
  const query = info.query.toString();
  return query === '' ? slashed : `${slashed}?${query}`;
}

/** The path up to and with `/proxy`. */
function proxyPrefix(info: RequestInfo): string {
  const scope = info.namespace ? `namespaces/${info.namespace}/` : '';
  return `/api/${info.version}/${scope}${info.resource}/${info.name}/proxy`;
}

/** Pages with relative links need their root to end in a slash. */
function redirectLocation(request: IncomingMessage, info: RequestInfo): string | undefined {
  if (info.subresource !== 'proxy' || info.rest.length > 0 || info.path.endsWith('/')) return undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  const query = info.query.toString();
  return `${info.path}/${query === '' ? '' : `?${query}`}`;
}
