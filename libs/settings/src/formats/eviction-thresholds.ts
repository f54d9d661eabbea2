import { Quantity, QuantityError, type QuantityFormat } from '#apimachinery';

/** What the node may run short of, in upstream's names. */
export const SIGNALS = {
  'memory.available': { resource: 'memory', condition: 'MemoryPressure', format: 'BinarySI' },
  'nodefs.available': { resource: 'ephemeral-storage', condition: 'DiskPressure', format: 'BinarySI' },
  'nodefs.inodesFree': { resource: 'inodes', condition: 'DiskPressure', format: 'DecimalSI' },
  'imagefs.available': { resource: 'ephemeral-storage', condition: 'DiskPressure', format: 'BinarySI' },
  'imagefs.inodesFree': { resource: 'inodes', condition: 'DiskPressure', format: 'DecimalSI' },
  'pid.available': { resource: 'pids', condition: 'PIDPressure', format: 'DecimalSI' },
} as const satisfies Record<string, { resource: string; condition: string; format: QuantityFormat }>;

export type Signal = keyof typeof SIGNALS;
export type PressureCondition = (typeof SIGNALS)[Signal]['condition'];
export type StarvedResource = (typeof SIGNALS)[Signal]['resource'];

/** Pods are evicted while less than this is left of what the signal tells. */
export interface Threshold {
  signal: Signal;
  /** Bytes, inodes or processes; or a share of the capacity. */
  limit: { amount: number } | { share: number };
}

/** Kubelet's. */
export const DEFAULT_THRESHOLDS =
  'memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%';

/** Parses `memory.available<100Mi,nodefs.available<10%`. Throws an Error with one line; '' is no threshold at all. */
export function parseThresholds(text: string): Threshold[] {
  const limits = new Map<Signal, Threshold['limit']>();
  for (const statement of text.split(',').map((part) => part.trim())) {
    if (statement === '') continue;
    const [signal, value, ...rest] = statement.split('<').map((part) => part.trim());
    if (!signal || !value || rest.length > 0) throw new Error(`${statement}: malformed, expected signal<value`);
    if (!isSignal(signal)) throw new Error(`unsupported eviction signal ${signal}`);
    const limit = parseLimit(signal, value);
    if (limit) limits.set(signal, limit);
    else limits.delete(signal);
  }
  return [...limits].map(([signal, limit]) => ({ signal, limit }));
}

function isSignal(text: string): text is Signal {
  return Object.hasOwn(SIGNALS, text);
}

/** Undefined where a value means that the signal is not looked at. */
function parseLimit(signal: Signal, value: string): Threshold['limit'] | undefined {
  if (value.endsWith('%')) {
    if (value === '0%' || value === '100%') return undefined;
    const percent = Number(value.slice(0, -1) || Number.NaN);
    if (Number.isNaN(percent)) throw new Error(`${signal}: ${value} is no percentage`);
    if (percent < 0) throw new Error(`eviction percentage threshold ${signal} must be >= 0%: ${value}`);
    if (percent > 100) throw new Error(`eviction percentage threshold ${signal} must be <= 100%: ${value}`);
    return { share: percent / 100 };
  }
  const amount = quantity(signal, value);
  if (amount <= 0) throw new Error(`eviction threshold ${signal} must be positive: ${value}`);
  return { amount };
}

function quantity(signal: Signal, value: string): number {
  try {
    return Quantity.parse(value).value();
  } catch (error) {
    if (error instanceof QuantityError) throw new Error(`${signal}: ${value}: ${error.message}`);
    throw error;
  }
}
