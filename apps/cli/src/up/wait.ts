import { Resolver } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { dnsAddress } from '#apimachinery';
import { HttpClient, loadKubeconfig } from '#client';
import { gvr, type Node } from '#kinds';
import type { Layout } from '../layout.js';
import { processesOf } from '../processes/in-charge.js';
import type { Processes } from '../processes/processes.js';
import type { Settings } from '../settings.js';
import { CliError } from '../verb.js';

/** Polls until `done` says so; on time-out tells which unit is in trouble, if one is, and where its log is. */
async function until(
  layout: Layout,
  what: string,
  /** The process whose work it is. */
  worker: string,
  deadline: number,
  done: () => Promise<string | undefined>,
  limit = '--timeout',
): Promise<void> {
  let last: string | undefined;
  while (Date.now() < deadline) {
    last = await done();
    if (last === undefined) return;
    await sleep(40);
  }
  const processes = processesOf(layout);
  const units = (await processes.status()) ?? [];
  const troubled = units.filter((unit) => unit.state !== 'running' || unit.restarts > 0 || unit.name === worker);
  const hints = troubled.map((unit) => {
    const said = unit.state === 'waiting' ? '' : lastWords(processes.lastLine(unit.name));
    return `\n  ${unit.name}: ${unit.message || unit.state}${said && `, says: ${said}`} (${processes.logPlace(unit.name)})`;
  });
  throw new CliError(`${what}: not within ${limit} (${last})${hints.join('')}`);
}

/** What a process wrote last, without time and level: when it ended at once, that is why. */
function lastWords(line: string): string {
  return line.replace(/^\S+Z [A-Z]+ \S+: /, '').slice(0, 300);
}

export async function waitForApi(layout: Layout, settings: Settings, deadline: number): Promise<void> {
  await until(layout, 'the API', 'server', deadline, async () => {
    if (!existsSync(layout.kubeconfig)) return 'no kubeconfig yet';
    const config = loadKubeconfig(layout.kubeconfig);
    return new Promise((resolve) => {
      const options = {
        host: probeAddress(settings.bindAddress),
        port: settings.securePort,
        path: '/readyz',
        ca: config.ca,
        cert: config.cert,
        key: config.key,
        timeout: 2000,
      };
      const call = request(options, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve(response.statusCode === 200 ? undefined : body.trim()));
      });
      call.on('error', (error) => resolve(error.message));
      call.on('timeout', () => call.destroy(new Error('no response within 2 s')));
      call.end();
    });
  });
}

/** Seconds that a runtime may take: it reads what it knows of every container. */
const RUNTIME_SECONDS = 60;

/** Waits for the runtime alone, which cleans the node of its pods. */
export async function waitForRuntime(layout: Layout, processes: Processes, socket: string): Promise<void> {
  const deadline = Date.now() + RUNTIME_SECONDS * 1000;
  const done = async () => {
    const units = (await processes.status()) ?? [];
    const idle = units.find((unit) => unit.state !== 'running');
    if (idle) return `${idle.name} is ${idle.message || idle.state}`;
    return existsSync(socket) ? undefined : `${socket} does not exist`;
  };
  await until(layout, 'the container runtime', 'containerd', deadline, done, `${RUNTIME_SECONDS} s`);
}

/** Where this machine reaches a server that listens on `bindAddress`. */
function probeAddress(bindAddress: string): string {
  if (bindAddress === '0.0.0.0') return '127.0.0.1';
  return bindAddress === '::' ? '::1' : bindAddress;
}

export async function waitForNode(layout: Layout, settings: Settings, deadline: number): Promise<void> {
  const client = new HttpClient(loadKubeconfig(layout.kubeconfig));
  await until(layout, `node ${settings.nodeName}`, 'agent', deadline, async () => {
    try {
      const node = await client.get<Node>(gvr.nodes, '', settings.nodeName);
      const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
      return ready?.status === 'True' ? undefined : (ready?.message ?? 'the node has not reported');
    } catch (error) {
      return (error as Error).message;
    }
  });
}

/** Asks cluster DNS for the API's own Service, as a pod would by name. */
export async function waitForDns(layout: Layout, settings: Settings, deadline: number): Promise<void> {
  await until(layout, 'cluster DNS', 'dns', deadline, async () => {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([dnsServer(settings)]);
    try {
      await resolver.resolve4(`kubernetes.default.svc.${settings.clusterDomain}`);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  });
}

/** Asks for a page of no host: an answer, whichever, says that the routes are known. */
export async function waitForIngress(layout: Layout, settings: Settings, deadline: number): Promise<void> {
  await until(layout, 'Ingress', 'ingress', deadline, async () => {
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: settings.ingressHttpPort, path: '/', timeout: 1000 };
      const call = httpRequest(options, (response) => {
        response.resume();
        resolve(undefined);
      });
      call.on('error', (error) => resolve(error.message));
      call.on('timeout', () => call.destroy(new Error('no response within 1 s')));
      call.end();
    });
  });
}

/** The Service, unless another program will serve it: that may be one which this cluster is yet to be given. */
function dnsServer({ proxyMode, serviceClusterIpRange, nodeIp, dnsPort }: Settings): string {
  return proxyMode === 'none' ? `${nodeIp}:${dnsPort}` : dnsAddress(serviceClusterIpRange);
}
