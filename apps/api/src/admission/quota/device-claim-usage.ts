import { type KubeObject, Quantity } from '#apimachinery';
import { ONE } from './quota-names.js';
import type { QuotaEvaluator, Usage } from './usage-evaluator.js';

const COUNT = 'count/resourceclaims.resource.k8s.io';
const OF_CLASS = '.deviceclass.resource.k8s.io/devices';
/** The most devices that a request for all of them can get (AllocationResultsMaxSize). */
const MOST_DEVICES = 32;

interface DeviceRequest {
  deviceClassName: string;
  allocationMode?: string;
  count?: number;
}

/** ResourceClaims, and the most devices of each class that they may get. */
export const deviceClaimEvaluator: QuotaEvaluator = {
  tracks: (name) => name === COUNT || name.endsWith(OF_CLASS),
  mayRefuse: ({ operation, subresource }) => subresource === '' && operation !== 'DELETE',
  usage,
  matchesScope: () => false,
};

function usage({ spec }: KubeObject): Usage {
  const used: Usage = new Map([[COUNT, ONE]]);
  for (const { exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    const most = mostByClass(firstAvailable.length > 0 ? firstAvailable : exactly ? [exactly] : []);
    for (const [name, devices] of most) {
      const amount = Quantity.of(devices);
      used.set(name, used.get(name)?.add(amount) ?? amount);
    }
  }
  return used;
}

/** Of alternatives one is taken: the most that any of them asks of a class. */
function mostByClass(alternatives: readonly DeviceRequest[]): Map<string, number> {
  const most = new Map<string, number>();
  for (const request of alternatives) {
    const name = `${request.deviceClassName}${OF_CLASS}`;
    most.set(name, Math.max(devicesOf(request), most.get(name) ?? 0));
  }
  return most;
}

function devicesOf({ allocationMode, count = 0 }: DeviceRequest): number {
  if (allocationMode === 'All') return MOST_DEVICES;
  return allocationMode === 'ExactCount' ? count : 0;
}
