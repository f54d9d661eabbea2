import type { KeyPair } from './certificate-profile.js';

export interface KubeconfigOptions {
  /** `https://host:port`. */
  server: string;
  caCertificate: string;
  user: string;
  credentials: KeyPair;
  cluster?: string;
  context?: string;
}

/** A kubeconfig with everything embedded, so that one file is all that a client needs. Every string is JSON-quoted: valid YAML. */
export function renderKubeconfig(options: KubeconfigOptions): string {
  const cluster = JSON.stringify(options.cluster ?? 'berth');
  const user = JSON.stringify(options.user);
  const context = JSON.stringify(options.context ?? options.cluster ?? 'berth');
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return [
    'apiVersion: v1',
    'kind: Config',
    'preferences: {}',
    'clusters:',
    `- name: ${cluster}`,
    '  cluster:',
    `    server: ${JSON.stringify(options.server)}`,
    `    certificate-authority-data: ${base64(options.caCertificate)}`,
    'users:',
    `- name: ${user}`,
    '  user:',
    `    client-certificate-data: ${base64(options.credentials.certificate)}`,
    `    client-key-data: ${base64(options.credentials.key)}`,
    'contexts:',
    `- name: ${context}`,
    '  context:',
    `    cluster: ${cluster}`,
    `    user: ${user}`,
    `current-context: ${context}`,
    '',
  ].join('\n');
}
