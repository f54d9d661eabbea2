import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { ConnectionOptions } from 'node:tls';
import type { NodeFolders } from '#controllers';
import type { Lister } from '../../storage/lister.js';
import type { ProxyNetwork } from './proxy-network.js';
import { proxyableAddress } from './proxy-network.js';
import { nodeServer } from './proxy-target.js';

/** Deleting a large folder takes its time. */
const TIMEOUT_MS = 300_000;

/** Asks the agents of nodes, with the credentials that the API server shows to them. */
export class AgentFolders implements NodeFolders {
  constructor(
    private readonly lister: Lister,
    private readonly credentials: ConnectionOptions,
    private readonly network: ProxyNetwork,
  ) {}

  async create(node: string, folder: string): Promise<string> {
    const { path } = JSON.parse(await this.ask('PUT', node, folder));
    if (typeof path !== 'string') throw new Error(`node ${node} did not say where the folder is`);
    return path;
  }

  async delete(node: string, folder: string): Promise<void> {
    await this.ask('DELETE', node, folder);
  }

  private async ask(method: 'PUT' | 'DELETE', node: string, folder: string): Promise<string> {
    const { host, port } = nodeServer(this.lister, node);
    const address = await proxyableAddress(host, this.network);
    const { ca, cert, key } = this.credentials;
    const path = `/volumes/local-path/${encodeURIComponent(folder)}`;
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: address, port, method, path, ca, cert, key, agent: false });
      outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error('i/o timeout')));
      outgoing.on('error', (error) => reject(new Error(`node ${node}: ${error.message}`)));
      outgoing.on('response', (response) => {
        text(response).then((body) => {
          if (response.statusCode === 200) resolve(body);
          else reject(new Error(`node ${node}: ${body.trim() || `status ${response.statusCode}`}`));
        }, reject);
      });
      outgoing.end();
    });
  }
}
