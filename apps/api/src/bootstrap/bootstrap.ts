import { setTimeout as delay } from 'node:timers/promises';
import { ensureApiServices } from './api-services.bootstrap.js';
import { ensureAuthenticationConfig } from './authentication-config.bootstrap.js';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureClusterInfo } from './cluster-info.bootstrap.js';
import { ensureClusterServices, leaveClusterServices } from './cluster-services.bootstrap.js';
import { ensureFlowControl } from './flow-control.bootstrap.js';
import { ensureIngressClass } from './ingress-class.bootstrap.js';
import { ensureLegacyTokenTracking } from './legacy-token-tracking.bootstrap.js';
import { ensureNamespaces } from './namespaces.bootstrap.js';
import { ensurePriorityClasses } from './priority-classes.bootstrap.js';
import { ensureRbac } from './rbac.bootstrap.js';
import { ensureStorageClass } from './storage-class.bootstrap.js';

/** How often what a cluster cannot be without is looked at again. */
const RECONCILE_MS = 10_000;
/** Every so many times, the objects of flow control, too: each minute, as in the reference. */
const FLOW_CONTROL_EVERY = 6;

/** Makes the objects that every cluster has and puts right those that are ours to keep. Does nothing when all is well. */
export async function runBootstrap(options: BootstrapOptions): Promise<void> {
  const { client } = options;
  await ensureNamespaces(client);
  await Promise.all([
    ensureRbac(client),
    ensurePriorityClasses(client),
    ensureFlowControl(options),
    ensureApiServices(client),
    ensureStorageClass(options),
    ensureIngressClass(options),
    ensureAuthenticationConfig(options),
    ensureClusterInfo(options),
    ensureLegacyTokenTracking(options),
    ensureClusterServices(options),
  ]);
}

/**
 * Keeps the namespaces, the cluster's own Services and the objects of flow control until the signal fires, whoever deletes them. Then other servers, if there
 * are some, are all that `kubernetes` leads to.
 */
export async function keepBootstrap(options: BootstrapOptions, signal: AbortSignal): Promise<void> {
  for (let round = 1; !signal.aborted; round += 1) {
    await delay(RECONCILE_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) break;
    try {
      await ensureNamespaces(options.client);
      await ensureClusterServices(options);
      if (round % FLOW_CONTROL_EVERY === 0) await ensureFlowControl(options);
    } catch (error) {
      options.log.warn('cannot keep the cluster services', { error });
    }
  }
  await leaveClusterServices(options).catch((error) => {
    options.log.warn('this server stays among the addresses of `kubernetes` until its Lease ends', { error });
  });
}
