import { request } from 'node:https';
import { join, normalize } from 'node:path/posix';
import type { ConnectionOptions } from 'node:tls';
import type { NodeFolder, NodeFolderError, NodeFolders } from '#controllers';
import { boundedAnswer } from '../../codec/bounded-answer.js';
import type { Lister } from '../../storage/lister.js';
import type { ProxyNetwork } from './proxy-network.js';
import { proxyableAddress } from './proxy-network.js';
import { nodeServer } from './proxy-target.js';

/** Milliseconds until a node has to be connected, and for a whole answer: deleting a large folder takes its time. */
const CONNECT_TIMEOUT_MS = 10_000;
const TIMEOUT_MS = 300_000;
/** Bytes of an answer: a path, a reason, or the names of all folders. */
const LARGEST_ANSWER = 8 * 1024 * 1024;

/** Asks the agents of nodes, with the credentials that the API server shows to them. */
export class AgentFolders implements NodeFolders {
  constructor(
    private readonly lister: Lister,
    private readonly credentials: ConnectionOptions,
    private readonly network: ProxyNetwork,
  ) {}

  async create(folder: NodeFolder, bytes: number): Promise<{ path: string; limited: boolean }> {
    const { node, folder: name, root } = folder;
    const answer = await this.ask('PUT', node, folderPath(folder, { capacity: `${bytes}` }));
    const { path, limited } = JSON.parse(answer);
    // What the node says becomes a path that pods mount, maybe on another node.
    const expected = typeof path === 'string' && path === normalize(path);
    if (!expected || !(root === undefined ? path.endsWith(`/storage/${name}`) : path === join(root, name))) {
      throw new Error(`node ${node} did not say where the folder is`);
    }
    return { path, limited: limited === true };
  }

  async limit(folder: NodeFolder, bytes: number): Promise<void> {
    await this.ask('PATCH', folder.node, folderPath(folder, { capacity: `${bytes}` }));
  }

  async delete(folder: NodeFolder): Promise<void> {
    await this.ask('DELETE', folder.node, folderPath(folder));
  }

  async deleteEmpty(folder: NodeFolder): Promise<void> {
    await this.ask('DELETE', folder.node, folderPath(folder, { onlyEmpty: 'true' }));
  }

  async list(node: string, root?: string): Promise<string[]> {
    const { folders } = JSON.parse(await this.ask('GET', node, folderPath({ folder: '', root })));
    if (!Array.isArray(folders)) throw new Error(`node ${node} did not say which folders there are`);
    return folders.filter((name) => typeof name === 'string');
  }

  async scrub(node: string, path: string): Promise<void> {
    await this.ask('DELETE', node, `/volumes/contents?path=${encodeURIComponent(path)}`);
  }

  private async ask(method: 'GET' | 'PUT' | 'PATCH' | 'DELETE', node: string, path: string): Promise<string> {
    const { host, port } = nodeServer(this.lister, node);
    const address = await proxyableAddress(host, this.network);
    const { ca, cert, key } = this.credentials;
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: address, port, method, path, ca, cert, key, agent: false });
      const end = (ms: number, why: string) => setTimeout(() => outgoing.destroy(new Error(why)), ms);
      const connecting = end(CONNECT_TIMEOUT_MS, 'dial: i/o timeout');
      const deadline = end(TIMEOUT_MS, 'i/o timeout');
      outgoing.on('socket', (socket) => socket.once('secureConnect', () => clearTimeout(connecting)));
      outgoing.on('close', () => {
        clearTimeout(connecting);
        clearTimeout(deadline);
      });
      outgoing.on('error', (error) => reject(new Error(`node ${node}: ${error.message}`)));
      outgoing.on('response', (response) => {
        boundedAnswer(response, 'the answer of the node', LARGEST_ANSWER).then((body) => {
          if (response.statusCode === 200) resolve(body);
          else {
            const error: NodeFolderError = new Error(`node ${node}: ${body.trim() || `status ${response.statusCode}`}`);
            error.refused = response.statusCode === 400;
            reject(error);
          }
        }, reject);
      });
      outgoing.end();
    });
  }
}

function folderPath({ folder, root }: Omit<NodeFolder, 'node'>, more: Record<string, string> = {}): string {
  const query = new URLSearchParams(root === undefined ? more : { root, ...more });
  const path = folder.split('/').map(encodeURIComponent).join('/');
  return `/volumes/local-path/${path}${query.size > 0 ? `?${query}` : ''}`;
}
