import { randomBytes } from 'node:crypto';
import type { KubeObject } from '#apimachinery';
import { type Client, type Clock, SharedInformers, silentLogger } from '#client';
import type { NodeFolders } from '#controllers';
import { gvr, type Pod } from '#kinds';
import { type TestServer, testServer } from './api-environment.js';

export interface ControllerEnvironment {
  readonly server: TestServer;
  /** An administrator's. */
  readonly client: Client;
  /** A fresh namespace. */
  namespace(): Promise<string>;
  /** Waits until the condition holds, and gives its value. Fails with what it was last. */
  until<T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T>;
  close(): Promise<void>;
}

export interface ControllerEnvironmentOptions {
  /** Starts a stand-in for the node agent: binds pods to `node-1`, makes them ready, confirms their end. */
  agent?: boolean;
  clock?: Clock;
  /** As of the server. */
  serviceClusterIpRange?: string;
  /** As of the server. */
  readNodeUsage?: (node: KubeObject) => Promise<string>;
  nodeFolders?: NodeFolders;
}

/** A test server with all control loops running, and no scheduler. */
export async function controllerEnvironment(
  options: ControllerEnvironmentOptions = {},
): Promise<ControllerEnvironment> {
  const { agent, ...more } = options;
  const server = await testServer({ components: ['controllers'], ...more });
  const client = server.client();
  const stop = new AbortController();
  if (agent) await startStandInAgent(client, stop.signal);
  return {
    server,
    client,
    async namespace() {
      const name = `test-${randomBytes(4).toString('hex')}`;
      await client.create<KubeObject>(gvr.namespaces, '', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      });
      return name;
    },
    until,
    async close() {
      stop.abort();
      await server.close();
    },
  };
}

/** Milliseconds: what controllers try again after 15 s has happened by then, on a busy machine as well. */
const LIMIT = 45_000;

async function until<T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + LIMIT;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Pods with the annotation `test/hold` stay as they are; with `test/unready` they run, but are not ready; with
 * `test/exit` they end at once, well when it is `0`.
 */
async function startStandInAgent(client: Client, signal: AbortSignal): Promise<void> {
  await client.create<KubeObject>(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
  let addresses = 0;
  const informers = new SharedInformers(client, { logger: silentLogger });
  const ignore = () => {};
  const act = async (pod: Pod): Promise<void> => {
    const { name, namespace, annotations, deletionTimestamp } = pod.metadata;
    if (annotations?.['test/hold']) return;
    if (deletionTimestamp) {
      await client.delete(gvr.pods, namespace!, name!, { gracePeriodSeconds: 0 });
    } else if (!pod.spec.nodeName) {
      const target = { kind: 'Node', name: requiredNode(pod) ?? 'node-1' };
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target };
      await client.create<KubeObject>(gvr.pods, namespace!, binding, { name, subresource: 'binding' });
    } else if (pod.status?.phase === 'Pending' && annotations?.['test/exit']) {
      const phase = annotations['test/exit'] === '0' ? 'Succeeded' : 'Failed';
      const patch = { status: { phase } };
      await client.patch(gvr.pods, namespace!, name!, 'application/merge-patch+json', patch, { subresource: 'status' });
    } else if (pod.status?.phase === 'Pending') {
      const podIP = `10.244.${++addresses >> 8}.${addresses & 255}`;
      const lastTransitionTime = new Date().toISOString();
      const status = annotations?.['test/unready'] ? 'False' : 'True';
      const conditions = [{ type: 'Ready', status, lastTransitionTime }];
      await client.patch(
        gvr.pods,
        namespace!,
        name!,
        'application/strategic-merge-patch+json',
        { status: { phase: 'Running', startTime: lastTransitionTime, podIP, podIPs: [{ ip: podIP }], conditions } },
        { subresource: 'status' },
      );
    }
  };
  informers.for<Pod>(gvr.pods).addHandler({
    add: (pod) => void act(pod).catch(ignore),
    update: (_old, pod) => void act(pod).catch(ignore),
  });
  informers.start(signal);
  await informers.whenSynced(signal);
}

/** The one node that a daemon's pod asks for. */
function requiredNode(pod: Pod): string | undefined {
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0];
}
