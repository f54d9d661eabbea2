import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { quote } from '#apimachinery';
import { allContainers, type Pod } from '../../pod/pod.js';
import { HttpError } from '../http-error.js';
import type { NodeServerOptions } from '../node-server-options.js';
import type { NodeRequest, Route } from '../router.js';
import {
  acceptWebSocket,
  ChannelSocket,
  chooseProtocol,
  isWebSocket,
  PORT_FORWARD_PROTOCOLS,
  REMOTE_COMMAND_PROTOCOLS,
} from './channels.js';
import { bridgePortForward, parsePorts, tunnelledProtocols, tunnelPortForward } from './port-forward.js';
import { bridgeRemoteCommand, type StreamOptions } from './remote-command.js';
import { proxySpdy } from './spdy-proxy.js';

const CONTAINER_PATHS = ['/:namespace/:pod/:container', '/:namespace/:pod/:uid/:container'];
const POD_PATHS = ['/:namespace/:pod', '/:namespace/:pod/:uid'];

/** The paths that switch to WebSocket or SPDY, and `/run`, the command without streams. */
export function streamingRoutes(server: NodeServerOptions): Route[] {
  const remoteCommand = (url: (call: NodeRequest, options: StreamOptions) => Promise<string>) => {
    return async (call: NodeRequest, socket: Duplex, head: Buffer) => {
      const options = parseStreamOptions(call.url.searchParams);
      const protocol = isWebSocket(call.request) ? chooseProtocol(call.request, REMOTE_COMMAND_PROTOCOLS) : undefined;
      const target = await url(call, options);
      if (!protocol) return proxySpdy(call.request, socket, head, target);
      const ws = await acceptWebSocket(call.request, socket, head, protocol.name);
      await bridgeRemoteCommand(new ChannelSocket(ws, protocol), target, options);
    };
  };
  const route = (path: string, upgrade: Route['upgrade']): Route => ({
    methods: ['GET', 'POST'],
    path,
    handle: upgradeRequired,
    ...(upgrade ? { upgrade } : {}),
  });
  return [
    ...CONTAINER_PATHS.flatMap((path) => [
      route(
        `/exec${path}`,
        remoteCommand((call, options) => execUrl(server, call, options)),
      ),
      route(
        `/attach${path}`,
        remoteCommand((call, options) => attachUrl(server, call, options)),
      ),
      {
        methods: ['POST'],
        path: `/run${path}`,
        handle: async (call: NodeRequest, response: ServerResponse) => {
          const output = await run(server, call);
          response.writeHead(200, { 'Content-Type': 'application/json' }).end(output);
        },
      },
    ]),
    ...POD_PATHS.map((path) =>
      route(`/portForward${path}`, (call, socket, head) => portForward(server, call, socket, head)),
    ),
  ];
}

function upgradeRequired(): never {
  throw new HttpError(400, 'Upgrade request required');
}

/** As the API server asks a kubelet. A terminal has no standard error of its own. Throws 400. */
export function parseStreamOptions(query: URLSearchParams): StreamOptions {
  const on = (name: string) => query.get(name) === '1';
  const tty = on('tty');
  const options = { stdin: on('input'), stdout: on('output'), stderr: on('error') && !tty, tty };
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  }
  return options;
}

function execUrl(server: NodeServerOptions, call: NodeRequest, options: StreamOptions): Promise<string> {
  const { containerId } = runningContainer(server, call);
  return server.cri.exec({ containerId, cmd: call.url.searchParams.getAll('command'), ...options });
}

function attachUrl(server: NodeServerOptions, call: NodeRequest, options: StreamOptions): Promise<string> {
  const { pod, containerId } = runningContainer(server, call);
  // A terminal is the container's own matter: what the client thinks of it does not count.
  const tty = [...allContainers(pod)].find(({ container }) => container.name === call.params['container'])?.container
    .tty;
  return server.cri.attach({ containerId, ...options, tty: tty ?? false, stderr: options.stderr && !tty });
}

async function run(server: NodeServerOptions, call: NodeRequest): Promise<string> {
  const { containerId } = runningContainer(server, call);
  const command = (call.url.searchParams.get('cmd') ?? '').split(' ');
  const { stdout, stderr, exitCode } = await server.cri.execSync(containerId, command, 0);
  if (exitCode !== 0) {
    throw new HttpError(500, `command '${command.join(' ')}' exited with ${exitCode}: ${stdout}${stderr}`);
  }
  return stdout + stderr;
}

function findPod(server: NodeServerOptions, { params }: NodeRequest): Pod {
  const pod = server.pods.find(params['namespace']!, params['pod']!);
  if (!pod) throw new HttpError(404, 'pod does not exist');
  if (params['uid'] && params['uid'] !== pod.metadata.uid) throw new HttpError(404, 'pod not found');
  return pod;
}

function runningContainer(server: NodeServerOptions, call: NodeRequest): { pod: Pod; containerId: string } {
  const pod = findPod(server, call);
  const name = call.params['container']!;
  const container = server.pods
    .observed(pod.metadata.uid)
    ?.containers.find((candidate) => candidate.name === name && candidate.state === 'running');
  if (!container) throw new HttpError(500, `container not found (${quote(name)})`);
  return { pod, containerId: container.id };
}

async function portForward(server: NodeServerOptions, call: NodeRequest, socket: Duplex, head: Buffer): Promise<void> {
  const { request, url } = call;
  const tunnel = isWebSocket(request) && tunnelledProtocols(request).length > 0;
  const channels = isWebSocket(request) && !tunnel;
  const ports = channels ? parsePorts(url.searchParams) : [];
  const protocol = channels ? chooseProtocol(request, PORT_FORWARD_PROTOCOLS) : undefined;
  const pod = findPod(server, call);
  const sandbox = server.pods.observed(pod.metadata.uid)?.sandboxes.find(({ ready }) => ready);
  if (!sandbox) {
    throw new HttpError(500, `pod not found (${quote(`${pod.metadata.name}_${pod.metadata.namespace}`)})`);
  }
  const target = await server.cri.portForward(sandbox.id, ports);
  if (tunnel) return tunnelPortForward(request, socket, head, target);
  if (!protocol) return proxySpdy(request, socket, head, target);
  const ws = await acceptWebSocket(request, socket, head, protocol.name);
  await bridgePortForward(new ChannelSocket(ws, protocol), target, ports);
}
