import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { KubeObject } from '#apimachinery';
import type { ReadNodeUsage } from './usage-scraper.js';

/** Port of a node server that reports none. */
const NODE_SERVER_PORT = 10250;
/** Addresses of a node, the best first. */
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];
const PATH = '/metrics/resource';
/** Milliseconds for a whole answer: the default of metrics-server. */
const TIMEOUT_MS = 10_000;
/** Bytes of an answer. A node with 500 containers says 300 KB; one that says more than this is not to be believed. */
const LARGEST_ANSWER = 2 * 1024 * 1024;

export interface NodeClientCredentials {
  /** PEM. */
  ca: string;
  cert: string;
  key: string;
}

/**
 * Asks the server of each node, with this server's credentials. A connection serves the scrapes that follow. What a node answers is
 * bounded in size and time: one that is in wrong hands must not hold up the scrapes of others.
 */
export function nodeUsageOverHttps(credentials: NodeClientCredentials, timeoutMs = TIMEOUT_MS): ReadNodeUsage {
  const agent = new Agent({ ...credentials, keepAlive: true, maxSockets: 1 });
  return (node, signal) =>
    new Promise((resolve, reject) => {
      const { host, port } = serverOf(node);
      const outgoing = request({ agent, host, port, path: PATH, signal });
      const late = () => outgoing.destroy(new Error(`${PATH} of the node was not there in ${timeoutMs} ms`));
      const deadline = setTimeout(late, timeoutMs);
      const fail = (error: unknown) => {
        clearTimeout(deadline);
        outgoing.destroy();
        reject(error);
      };
      outgoing.on('error', fail);
      outgoing.on('response', (answer) => {
        bounded(answer).then((body) => {
          clearTimeout(deadline);
          if (answer.statusCode === 200) resolve(body);
          else reject(new Error(`${PATH} of the node answered ${answer.statusCode}: ${body.slice(0, 200)}`));
        }, fail);
      });
      outgoing.end();
    });
}

async function bounded(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > LARGEST_ANSWER) throw new Error(`${PATH} of the node is larger than ${LARGEST_ANSWER} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function serverOf({ metadata, status }: KubeObject): { host: string; port: number } {
  const addresses = (status?.addresses ?? []) as { type: string; address: string }[];
  for (const type of ADDRESS_TYPES) {
    const found = addresses.find((item) => item.type === type);
    if (found) return { host: found.address, port: status?.daemonEndpoints?.kubeletEndpoint?.Port || NODE_SERVER_PORT };
  }
  throw new Error(`the node ${metadata.name} reports no address`);
}
