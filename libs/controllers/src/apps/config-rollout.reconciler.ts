import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { type Informer, objectKey } from '#client';
import { gvr } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller, joined } from '../controller.js';
import {
  CONFIG_HASH,
  type ConfigReference,
  type ConfiguredWorkload,
  configReferences,
  isConfigured,
  OBSERVED_CONFIG,
  planConfigRollout,
} from './config-rollout.plan.js';

const NAME = 'config-rollout-controller';
/** Milliseconds that a change waits for others: one apply often changes several objects. */
const SETTLE = 5_000;
const BY_CONFIG = 'config';
const KINDS = { Deployment: gvr.deployments, StatefulSet: gvr.statefulsets, DaemonSet: gvr.daemonsets } as const;

export function configRolloutController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, NAME);
  const rollouts = runtime.metrics.counter({
    name: 'berth_config_rollouts_total',
    help: 'Workloads whose pods were replaced because their configuration had changed.',
    labels: { kind: Object.keys(KINDS) },
  });
  const [first, ...others] = Object.entries(KINDS).map(([kind, resource]) => {
    const rolled = rollouts.cell(kind);
    return loopFor(kind, resource, runtime, () => {
      rolled.value += 1;
    });
  });
  return joined(first!, ...others);
}

function loopFor(kind: string, resource: GroupVersionResource, runtime: ControllerRuntime, onRolled: () => void) {
  const workloads = runtime.informers.for<ConfiguredWorkload>(resource);
  workloads.addIndex(BY_CONFIG, (workload) =>
    isConfigured(workload) ? configReferences(workload.spec.template.spec).map((one) => keyOf(workload, one)) : [],
  );
  const configMaps = runtime.informers.for(gvr.configmaps);
  const secrets = runtime.informers.for(gvr.secrets);
  /** When something that a workload is configured by changed last, until it is dealt with. */
  const changedAt = new Map<string, number>();
  const users = (referenced: ConfigReference['kind']) => (object: KubeObject) => {
    const reference = { kind: referenced, name: object.metadata.name! };
    const keys = workloads.byIndex(BY_CONFIG, keyOf(object, reference)).map(objectKey);
    for (const key of keys) changedAt.set(key, runtime.clock.now());
    return keys;
  };
  const name = kind === 'Deployment' ? NAME : `${NAME}-${resource.resource}`;
  return controller(name, runtime)
    .for<ConfiguredWorkload>(resource, {
      when: (workload) => isConfigured(workload) || workload.metadata.annotations?.[OBSERVED_CONFIG] !== undefined,
    })
    .watches(configMaps, users('configmap'), { delay: SETTLE })
    .watches(secrets, users('secret'), { delay: SETTLE })
    .reconcile(async (key) => {
      const workload = workloads.getByKey(key);
      if (!workload || workload.metadata.deletionTimestamp !== undefined) {
        changedAt.delete(key);
        return undefined;
      }
      const left = (changedAt.get(key) ?? Number.NEGATIVE_INFINITY) + SETTLE - runtime.clock.now();
      if (left > 0) return { requeueAfter: left };
      await reconcile(runtime, resource, workload, { configMaps, secrets }, onRolled);
      changedAt.delete(key);
      return undefined;
    });
}

async function reconcile(
  { client, recorder }: ControllerRuntime,
  resource: GroupVersionResource,
  workload: ConfiguredWorkload,
  { configMaps, secrets }: { configMaps: Informer; secrets: Informer },
  onRolled: () => void,
): Promise<void> {
  const { namespace = '', name = '', resourceVersion } = workload.metadata;
  const plan = planConfigRollout(workload, (reference) =>
    (reference.kind === 'configmap' ? configMaps : secrets).get(namespace, reference.name),
  );
  if (plan.type === 'nothing') return;
  const annotations = { [OBSERVED_CONFIG]: plan.type === 'forget' ? null : plan.observed };
  const rolls = plan.type === 'roll';
  const template = { metadata: { annotations: { [CONFIG_HASH]: rolls ? plan.hash : undefined } } };
  // Only for the template that was looked at.
  const patch = { metadata: { resourceVersion, annotations }, ...(rolls ? { spec: { template } } : {}) };
  await client.patch(resource, namespace, name, 'application/merge-patch+json', patch);
  if (!rolls) return;
  onRolled();
  const message = `Replacing pods because of a change of ${plan.changed.join(', ')}`;
  recorder.event(workload, 'Normal', 'ConfigChanged', message);
}

function keyOf(
  { metadata: { namespace = '' } }: KubeObject,
  { kind, name }: Pick<ConfigReference, 'kind' | 'name'>,
): string {
  return `${namespace}/${kind}/${name}`;
}
