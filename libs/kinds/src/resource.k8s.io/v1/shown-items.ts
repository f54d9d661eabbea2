import { isJsonObject, ownValue } from '#apimachinery';

/**
 * Items as an error about a duplicate shows them: whole, with their fields in the order of the reference's types. Other
 * errors show names alone.
 */

/** Names of fields; a field whose value has an order of its own comes with that order. */
export type Order = readonly (string | readonly [name: string, order: Order])[];

const TOLERATION: Order = ['key', 'operator', 'value', 'effect', 'tolerationSeconds'];
const DEVICES: Order = [
  'deviceClassName',
  'selectors',
  'allocationMode',
  'count',
  'adminAccess',
  ['tolerations', TOLERATION],
  'capacity',
];
const ALTERNATIVE: Order = ['name', ...DEVICES];
const CONDITION: Order = ['type', 'status', 'observedGeneration', 'lastTransitionTime', 'reason', 'message'];

export const shownOrder = {
  alternative: ALTERNATIVE,
  consumer: ['apiGroup', 'resource', 'name', 'uid'],
  consumption: ['counterSet', 'counters'],
  counterSet: ['name', 'counters'],
  deviceStatus: [
    'driver',
    'pool',
    'device',
    'shareID',
    ['conditions', CONDITION],
    'data',
    ['networkData', ['interfaceName', 'ips', 'hardwareAddress']],
  ],
  request: ['name', ['exactly', DEVICES], ['firstAvailable', ALTERNATIVE]],
} satisfies Record<string, Order>;

export function shown(value: unknown, order: Order | undefined): unknown {
  if (order === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => shown(item, order));
  if (!isJsonObject(value)) return value;
  return new Map(
    order.map((field) => {
      const [name, below] = typeof field === 'string' ? [field] : field;
      return [name, shown(ownValue(value, name), below)];
    }),
  );
}
