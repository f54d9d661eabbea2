import { writeFile } from 'node:fs/promises';
import type { WebhookServer } from './webhook-server.js';

/** Writes a kubeconfig that leads to a webhook; `path` is of its URL. */
export async function webhookKubeconfig(
  file: string,
  { url, caBundle }: Pick<WebhookServer, 'url' | 'caBundle'>,
  path = '',
): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'webhook',
    contexts: [{ name: 'webhook', context: { cluster: 'webhook', user: 'server' } }],
    clusters: [{ name: 'webhook', cluster: { server: `${url}${path}`, 'certificate-authority-data': caBundle } }],
    users: [{ name: 'server', user: { token: 'of-the-server' } }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}
