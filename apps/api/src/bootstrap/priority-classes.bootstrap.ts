import type { Client } from '#client';
import { gvr } from '#kinds';
import { ensureObject } from './ensure-object.js';

/** Above every class that users may define (1,000,000,000). */
const SYSTEM_CLASSES = [
  {
    name: 'system-node-critical',
    value: 2000001000,
    description: 'For system pods that a node cannot do without: they are not moved elsewhere.',
  },
  {
    name: 'system-cluster-critical',
    value: 2000000000,
    description: 'For system pods that the cluster cannot do without: they may be moved to another node.',
  },
];

export async function ensurePriorityClasses(client: Client): Promise<void> {
  await Promise.all(
    SYSTEM_CLASSES.map(({ name, value, description }) =>
      ensureObject(client, gvr.priorityclasses, {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name },
        value,
        description,
        preemptionPolicy: 'PreemptLowerPriority',
      }),
    ),
  );
}
