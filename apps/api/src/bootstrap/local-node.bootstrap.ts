import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import type { BootstrapOptions } from './bootstrap-options.js';

/** What kubeadm and K3s give a node that runs the control plane; `kubectl get nodes` shows it as a role. */
export const CONTROL_PLANE_LABEL = 'node-role.kubernetes.io/control-plane';
const RETRY_MS = 1_000;

/** Labels the node beside this server when it registers, and again when the label goes: an agent may not give itself a role. */
export async function keepLocalNodeRole(
  { client, localNode, log }: Pick<BootstrapOptions, 'client' | 'localNode' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  if (localNode === undefined) return;
  const query = { fieldSelector: `metadata.name=${localNode}`, signal };
  while (!signal.aborted) {
    try {
      for await (const { type, object } of client.watch<KubeObject>(gvr.nodes, query)) {
        if (type !== 'ADDED' && type !== 'MODIFIED') continue;
        if (object.metadata.labels?.[CONTROL_PLANE_LABEL] !== undefined) continue;
        const patch = { metadata: { labels: { [CONTROL_PLANE_LABEL]: '' } } };
        await client.patch(gvr.nodes, '', localNode, 'application/merge-patch+json', patch);
      }
    } catch (error) {
      if (!signal.aborted) log.warn('cannot label the node of this server', { error });
    }
    await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
