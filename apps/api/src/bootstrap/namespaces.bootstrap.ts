import type { Client } from '#client';
import { gvr } from '#kinds';
import { ensureObject } from './ensure-object.js';

export const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export async function ensureNamespaces(client: Client): Promise<void> {
  await Promise.all(
    SYSTEM_NAMESPACES.map((name) =>
      ensureObject(client, gvr.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    ),
  );
}
