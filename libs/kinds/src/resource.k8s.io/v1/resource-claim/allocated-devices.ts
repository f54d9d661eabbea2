import type { ResourceClaimStatus } from '../../../generated/types.js';

/** A device, or a share of one, as results of an allocation and reports of drivers name it. */
interface DeviceReference {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string;
}

/** Text that no other device has: pools have slashes in their names. */
export function deviceId({ driver, pool, device, shareID }: DeviceReference): string {
  return JSON.stringify([driver ?? '', pool ?? '', device ?? '', shareID ?? '']);
}

export function allocatedDevices({ allocation }: ResourceClaimStatus): Set<string> {
  return new Set((allocation?.devices?.results ?? []).map(deviceId));
}

/** Takes away the reports about devices that the claim had, and has no more: their drivers may not know of the change. */
export function dropDeallocatedDevices(status: ResourceClaimStatus, old: ResourceClaimStatus): void {
  if (status.devices === undefined) return;
  const kept = allocatedDevices(status);
  const lost = allocatedDevices(old);
  status.devices = status.devices.filter((device) => kept.has(deviceId(device)) || !lost.has(deviceId(device)));
  if (status.devices.length === 0) delete status.devices;
}
