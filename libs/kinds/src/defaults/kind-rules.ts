import type { Setter } from './type-defaults.js';
import { fillMissing } from './type-rules.js';

/**
 * Rules in words of `defaults.json` that belong to kinds, by kind and path, and the few literals that hold only under a
 * condition (rolling update parameters).
 */

const nothing: Setter = () => {};

function containersOf(object: any): any[] {
  return [...(object.spec?.containers ?? []), ...(object.spec?.initContainers ?? [])];
}

const requestsFromLimits =
  (list: 'containers' | 'initContainers'): Setter =>
  (pod) => {
    for (const container of pod.spec?.[list] ?? []) {
      const limits = container.resources?.limits;
      if (limits === undefined) continue;
      fillMissing((container.resources.requests ??= {}), limits);
    }
  };

function isEmpty(map: object | undefined | null): boolean {
  return map === undefined || map === null || Object.keys(map).length === 0;
}

const labelsFromTemplate: Setter = (object) => {
  const labels = object.spec?.template?.metadata?.labels;
  if (isEmpty(object.metadata.labels) && !isEmpty(labels)) object.metadata.labels = { ...labels };
};

type RollingUpdateField = 'maxSurge' | 'maxUnavailable' | 'partition';

const rollingUpdate =
  (field: 'strategy' | 'updateStrategy', name: RollingUpdateField, value: unknown): Setter =>
  (object) => {
    const strategy = object.spec[field];
    if (strategy?.type !== 'RollingUpdate') return;
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate[name] ??= value;
  };

const inGivenRollingUpdate =
  (name: RollingUpdateField, value: unknown): Setter =>
  (object) => {
    const strategy = object.spec.updateStrategy;
    if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate !== undefined)
      strategy.rollingUpdate[name] ??= value;
  };

/** Types whose traffic comes from outside the cluster. */
function externallyAccessible(spec: any): boolean {
  if (spec.type === 'LoadBalancer' || spec.type === 'NodePort') return true;
  return spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0;
}

const scaleUpRules = () => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
});

const scaleDownRules = () => ({
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
});

const webhookDefaults = (webhook: any): void => {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
};

export const kindRules: Record<string, Record<string, Setter>> = {
  'v1/Pod': {
    'spec.containers[*].resources.requests': requestsFromLimits('containers'),
    'spec.initContainers[*].resources.requests': requestsFromLimits('initContainers'),
    'spec.containers[*].ports[*].hostPort': (pod) => {
      if (pod.spec?.hostNetwork !== true) return;
      for (const container of containersOf(pod)) {
        for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
      }
    },
    'spec.terminationGracePeriodSeconds': (pod) => {
      if (pod.spec?.terminationGracePeriodSeconds < 0) pod.spec.terminationGracePeriodSeconds = 1;
    },
    // Done when the pod is created, after admission: see the pod's strategy.
    'spec.resources': nothing,
  },
  'v1/Service': {
    'spec.sessionAffinityConfig': ({ spec }) => {
      if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
      if (spec.sessionAffinity !== 'ClientIP') return;
      if (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
        spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10_800 } };
      }
    },
    'spec.ports[*].targetPort': ({ spec }) => {
      for (const port of spec.ports ?? [])
        if (port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
    },
    'spec.externalTrafficPolicy': ({ spec }) => {
      if (externallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
    },
    'spec.internalTrafficPolicy': ({ spec }) => {
      if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    },
    'spec.allocateLoadBalancerNodePorts': ({ spec }) => {
      if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
    },
    'status.loadBalancer.ingress[*].ipMode': ({ spec, status }) => {
      if (spec.type !== 'LoadBalancer') return;
      for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
    },
  },
  'v1/ReplicationController': {
    'spec.selector': ({ spec }) => {
      const labels = spec.template?.metadata?.labels;
      if (isEmpty(spec.selector) && !isEmpty(labels)) spec.selector = { ...labels };
    },
    'metadata.labels': labelsFromTemplate,
  },
  'v1/ConfigMap': { data: nothing },
  'v1/Namespace': {
    'metadata.labels[kubernetes.io/metadata.name]': ({ metadata }) => {
      if (!metadata.name) return;
      metadata.labels ??= {};
      metadata.labels['kubernetes.io/metadata.name'] = metadata.name;
    },
  },
  'v1/Node': {
    'status.allocatable': ({ status }) => {
      if (status?.capacity !== undefined) status.allocatable ??= { ...status.capacity };
    },
  },
  'apps/v1/Deployment': {
    'spec.strategy.rollingUpdate.maxUnavailable': rollingUpdate('strategy', 'maxUnavailable', '25%'),
    'spec.strategy.rollingUpdate.maxSurge': rollingUpdate('strategy', 'maxSurge', '25%'),
  },
  'apps/v1/DaemonSet': {
    'spec.updateStrategy.rollingUpdate.maxUnavailable': rollingUpdate('updateStrategy', 'maxUnavailable', 1),
    'spec.updateStrategy.rollingUpdate.maxSurge': rollingUpdate('updateStrategy', 'maxSurge', 0),
  },
  'apps/v1/StatefulSet': {
    'spec.updateStrategy.type': ({ spec }) => {
      spec.updateStrategy ??= {};
      if (spec.updateStrategy.type) return;
      spec.updateStrategy.type = 'RollingUpdate';
      spec.updateStrategy.rollingUpdate ??= {};
    },
    'spec.updateStrategy.rollingUpdate': nothing,
    'spec.updateStrategy.rollingUpdate.partition': inGivenRollingUpdate('partition', 0),
    'spec.updateStrategy.rollingUpdate.maxUnavailable': inGivenRollingUpdate('maxUnavailable', 1),
  },
  'batch/v1/Job': {
    'spec.completions': ({ spec }) => {
      if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
    },
    'spec.backoffLimit': ({ spec }) => {
      spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647;
    },
    'spec.podReplacementPolicy': ({ spec }) => {
      spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
    },
    'metadata.labels': labelsFromTemplate,
  },
  'autoscaling/v2/HorizontalPodAutoscaler': {
    'spec.metrics': ({ spec }) => {
      if ((spec.metrics?.length ?? 0) > 0) return;
      const target = { type: 'Utilization', averageUtilization: 80 };
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
    },
    'spec.behavior.scaleUp': ({ spec }) => {
      if (spec.behavior !== undefined) spec.behavior.scaleUp = { ...scaleUpRules(), ...spec.behavior.scaleUp };
    },
    'spec.behavior.scaleDown': ({ spec }) => {
      if (spec.behavior !== undefined) spec.behavior.scaleDown = { ...scaleDownRules(), ...spec.behavior.scaleDown };
    },
  },
  'networking.k8s.io/v1/NetworkPolicy': {
    'spec.policyTypes': ({ spec }) => {
      if ((spec.policyTypes?.length ?? 0) > 0) return;
      spec.policyTypes = (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    },
  },
  'networking.k8s.io/v1/IngressClass': {
    'spec.parameters.scope': ({ spec }) => {
      if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
    },
  },
  'storage.k8s.io/v1/CSIDriver': {
    'spec.preventPodSchedulingIfMissing': ({ spec }) => {
      spec.preventPodSchedulingIfMissing ??= false;
    },
  },
  // The volume sources have type defaults.
  'storage.k8s.io/v1/VolumeAttachment': { 'spec.source.inlineVolumeSpec': nothing },
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': {
    'webhooks[*]': ({ webhooks }) => {
      for (const webhook of webhooks ?? []) webhookDefaults(webhook);
    },
  },
  'apiextensions.k8s.io/v1/CustomResourceDefinition': {
    'spec.names.singular': ({ spec }) => {
      if (spec?.names?.kind) spec.names.singular ||= spec.names.kind.toLowerCase();
    },
    'spec.names.listKind': ({ spec }) => {
      if (spec?.names?.kind) spec.names.listKind ||= `${spec.names.kind}List`;
    },
    'status.storedVersions': (crd) => {
      if ((crd.status?.storedVersions?.length ?? 0) > 0) return;
      const stored = crd.spec?.versions?.find((version: any) => version.storage === true);
      if (stored !== undefined) crd.status = { ...crd.status, storedVersions: [stored.name] };
    },
  },
};
