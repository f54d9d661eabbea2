import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { hostPort } from '../webhook-client/call-error.js';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject } from './ensure-object.js';

/**
 * Where the cluster is and how to verify it, as kubeadm publishes it: what a joining node reads before it trusts anybody. One that is
 * there stays: an administrator may have given it the address of a load balancer.
 */
export async function ensureClusterInfo(options: BootstrapOptions): Promise<void> {
  const { advertiseAddress, client, clientCa, securePort } = options;
  const metadata = { namespace: 'kube-public', name: 'cluster-info' };
  const data = { kubeconfig: anonymousKubeconfig(clientCa, `https://${hostPort(advertiseAddress, securePort)}`) };
  const wanted: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  await ensureObject(client, gvr.configmaps, wanted);
}

/** A kubeconfig without a user. */
function anonymousKubeconfig(authority: string, server: string): string {
  return [
    'apiVersion: v1',
    'clusters:',
    '- cluster:',
    `    certificate-authority-data: ${Buffer.from(authority).toString('base64')}`,
    `    server: ${JSON.stringify(server)}`,
    '  name: ""',
    'contexts: null',
    'current-context: ""',
    'kind: Config',
    'preferences: {}',
    'users: null',
    '',
  ].join('\n');
}
