import { type KubeObject, Quantity } from '#apimachinery';
import { ONE } from './quota-names.js';
import type { QuotaEvaluator, Usage } from './usage-evaluator.js';

const NAMES = new Set(['count/services', 'services', 'services.nodeports', 'services.loadbalancers']);

/** Services, with what of the nodes and of the cloud they take. */
export const serviceEvaluator: QuotaEvaluator = {
  tracks: (name) => NAMES.has(name),
  // The type of a Service may change.
  mayRefuse: ({ operation, subresource }) => subresource === '' && operation !== 'DELETE',
  usage,
  matchesScope: () => false,
};

function usage({ spec }: KubeObject): Usage {
  const isBalanced = spec.type === 'LoadBalancer';
  return new Map([
    ['count/services', ONE],
    ['services', ONE],
    ['services.nodeports', Quantity.of(nodePorts(spec))],
    ['services.loadbalancers', isBalanced ? ONE : Quantity.zero],
  ]);
}

/** Every port of such a Service gets one, unless it said that only those that it names are wanted. */
function nodePorts({ type, ports = [], allocateLoadBalancerNodePorts }: KubeObject['spec']): number {
  if (type === 'LoadBalancer' && allocateLoadBalancerNodePorts === false) {
    return ports.filter(({ nodePort }: { nodePort?: number }) => (nodePort ?? 0) !== 0).length;
  }
  return type === 'NodePort' || type === 'LoadBalancer' ? ports.length : 0;
}
