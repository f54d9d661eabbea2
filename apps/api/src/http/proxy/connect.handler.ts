import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { badRequest, type KubeObject, methodNotAllowed } from '#apimachinery';
import type { SubresourceDefinition } from '#kinds';
import { admissionRequest } from '../../admission/admission-request.js';
import type { AuthorizedRequest } from '../../registry/api-request.js';
import { freshen } from '../../registry/freshness.js';
import type { RegistryContext } from '../../registry/registry-context.js';
import type { Lister } from '../../storage/lister.js';
import type { ConnectHandler } from '../dispatch/request-dispatcher.js';
import type { RequestInfo } from '../dispatch/request-info.js';
import type { ConnectRoute } from '../dispatch/route.js';
import { connectOptions, withOptions } from './connect-options.js';
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

export interface NodeCredentials {
  /** What the node servers are verified with, and what they know this server by; PEM. */
  ca: string;
  cert: string;
  key: string;
}

/** Streams and proxies: admitted here, answered by node servers, pods and endpoints. */
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

  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    route: ConnectRoute,
    asked: AuthorizedRequest,
  ): Promise<void> {
    const info = await this.admit(request, route, asked);
    if (route.upgrades) {
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
    route: ConnectRoute,
    asked: AuthorizedRequest,
  ): Promise<void> {
    const info = await this.admit(request, route, asked);
    const target = await this.target(info);
    if (!target) throw badRequest(`pod ${info.name} does not have a host assigned`);
    // Node servers stream logs over plain HTTP; a browser may want them as WebSocket messages.
    if (info.subresource === 'log') await pipeToWebSocket(request, socket, head, target);
    else await pipeUpgrade(request, socket, head, target);
  }

  /** The request as admission leaves it. */
  private async admit(
    request: IncomingMessage,
    route: ConnectRoute,
    { user, lifetime, record }: AuthorizedRequest,
  ): Promise<RequestInfo> {
    const { entry, info, subresource: sub } = route;
    if (!servesMethod(sub, request.method ?? 'GET', info.verb)) throw methodNotAllowed();
    if (info.subresource === 'log') return info;
    const { group, version, plural } = entry.definition;
    const options = connectOptions(sub.kind, info);
    const asked = admissionRequest(
      {
        operation: 'CONNECT',
        kind: { group: sub.group, version: sub.version, kind: sub.kind },
        resource: { group, version, resource: plural },
        subresource: info.subresource,
        namespace: info.namespace,
        name: info.name,
        object: options,
        user,
        signal: lifetime.signal,
      },
      record,
    );
    await this.context.admission.admit(asked);
    await this.context.admission.validate(asked);
    return asked.object === options ? info : withOptions(info, asked.object!);
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
