import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { boundedAnswer } from '../../codec/bounded-answer.js';
import type { ReadNodeUsage } from '../../kinds/usage/usage-scraper.js';
import type { NodeCredentials } from './connect.handler.js';
import { type ProxyNetwork, proxyableAddress } from './proxy-network.js';
import { reportedServer } from './proxy-target.js';

const PATH = '/metrics/resource';
/** Milliseconds for a whole answer: the default of metrics-server. */
const TIMEOUT_MS = 10_000;
/** Bytes of an answer. A node with 500 containers says 300 KB; one that says more than this is not to be believed. */
const LARGEST_ANSWER = 2 * 1024 * 1024;

/** Connects as the network of proxied requests does. A connection serves the scrapes that follow. */
class NodeAgent extends Agent {
  constructor(
    private readonly network: ProxyNetwork,
    credentials: NodeCredentials,
  ) {
    super({ ...credentials, keepAlive: true, maxSockets: 1 });
  }

  override createConnection(options: ConnectionOptions) {
    return connect({ ...options, socket: this.network.connect(options.host!, options.port!) });
  }
}

/**
 * Asks the server of each node, with this server's credentials. A connection serves the scrapes that follow. What a node answers is
 * bounded in size and time: one that is in wrong hands must not hold up the scrapes of others.
 */
export function nodeUsageOverHttps(
  credentials: NodeCredentials,
  network: ProxyNetwork,
  timeoutMs = TIMEOUT_MS,
): ReadNodeUsage {
  const agent = new NodeAgent(network, credentials);
  return async (node, signal) => {
    const server = reportedServer(node);
    if (!server) throw new Error(`the node ${node.metadata.name} reports no address`);
    const { port } = server;
    // As proxied requests: a node does not choose what of this machine is asked with this server's certificate.
    const host = await proxyableAddress(server.host, network);
    const servername = isIP(server.host) ? '' : server.host;
    return new Promise((resolve, reject) => {
      const outgoing = request({ agent, host, port, servername, path: PATH, signal });
      const late = () => outgoing.destroy(new Error(`${PATH} of the node was not there in ${timeoutMs} ms`));
      const deadline = setTimeout(late, timeoutMs);
      const fail = (error: unknown) => {
        clearTimeout(deadline);
        outgoing.destroy();
        reject(error);
      };
      outgoing.on('error', fail);
      outgoing.on('response', (answer) => {
        boundedAnswer(answer, `${PATH} of the node`, LARGEST_ANSWER).then((body) => {
          clearTimeout(deadline);
          if (answer.statusCode === 200) resolve(body);
          else reject(new Error(`${PATH} of the node answered ${answer.statusCode}: ${body.slice(0, 200)}`));
        }, fail);
      });
      outgoing.end();
    });
  };
}
