import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { KubeObject } from '#apimachinery';
import type { ReadNodeUsage } from './usage-scraper.js';

/** Port of a node server that reports none. */
const NODE_SERVER_PORT = 10250;
/** Addresses of a node, the best first. */
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];
const PATH = '/metrics/resource';
/** Milliseconds for one answer: the default of metrics-server. */
const TIMEOUT_MS = 10_000;

export interface NodeClientCredentials {
  /** PEM. */
  ca: string;
  cert: string;
  key: string;
}

/** Asks the server of each node, with this server's credentials. A connection serves the scrapes that follow. */
export function nodeUsageOverHttps(credentials: NodeClientCredentials): ReadNodeUsage {
  const agent = new Agent({ ...credentials, keepAlive: true, maxSockets: 1 });
  return (node, signal) =>
    new Promise((resolve, reject) => {
      const { host, port } = serverOf(node);
      const outgoing = request({ agent, host, port, path: PATH, timeout: TIMEOUT_MS, signal }, (answer) => {
        text(answer).then((body) => {
          if (answer.statusCode === 200) resolve(body);
          else reject(new Error(`${PATH} of the node answered ${answer.statusCode}: ${body.slice(0, 200)}`));
        }, reject);
      });
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`${PATH} of the node did not answer in ${TIMEOUT_MS} ms`)),
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
}

function serverOf({ metadata, status }: KubeObject): { host: string; port: number } {
  const addresses = (status?.addresses ?? []) as { type: string; address: string }[];
  for (const type of ADDRESS_TYPES) {
    const found = addresses.find((item) => item.type === type);
    if (found) return { host: found.address, port: status?.daemonEndpoints?.kubeletEndpoint?.Port || NODE_SERVER_PORT };
  }
  throw new Error(`the node ${metadata.name} reports no address`);
}
