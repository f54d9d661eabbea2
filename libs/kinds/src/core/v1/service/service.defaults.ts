import type { KindModule } from '../../../contract/kind-module.js';
import { isExternallyAccessible } from './service.strategy.js';

export const serviceDefaults: KindModule['defaults'] = {
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
    if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
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
};
