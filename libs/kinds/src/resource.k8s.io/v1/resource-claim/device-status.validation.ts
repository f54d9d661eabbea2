import { isDNS1123Label, isJsonObject } from '#apimachinery';
import { checkDriverName } from '../../../core/v1/pod/pod-volumes.validation.js';
import type { NetworkDeviceData, ResourceClaimStatus } from '../../../generated/types.js';
import { checkConditions } from '../../../validation/conditions.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { validateInterfaceAddress } from '../../../validation/ip.js';
import { checkPoolName, checkShareId } from '../device-names.validation.js';
import { eachUniqueUpTo } from '../limited-lists.validation.js';
import { shownOrder } from '../shown-items.js';
import { allocatedDevices, deviceId } from './allocated-devices.js';

/** What drivers report about the devices of a claim. */

const MAX_CONDITIONS = 8;
const MAX_DATA_BYTES = 10 * 1024;
const MAX_INTERFACE_BYTES = 256;
const MAX_HARDWARE_BYTES = 128;
const MAX_IPS = 16;
const ANY_NUMBER = Number.POSITIVE_INFINITY;

/** With the cursor at the status. */
export function checkDeviceStatuses(at: FieldCursor, status: ResourceClaimStatus): void {
  const allocated = allocatedDevices(status);
  const unique = { keyOf: deviceId, order: shownOrder.deviceStatus };
  eachUniqueUpTo(at, 'devices', status.devices, ANY_NUMBER, unique, (device) => {
    checkDriverName(at, device.driver);
    checkPoolName(at, 'pool', device.pool);
    at.format('device', device.device ?? '', isDNS1123Label);
    checkShareId(at, device.shareID);
    const { driver = '', pool = '', device: name = '', shareID = '' } = device;
    if (!allocated.has(deviceId(device))) {
      const id = { Driver: driver, Pool: pool, Device: name, ShareID: shareID };
      at.invalid('', new Map(Object.entries(id)), 'must be an allocated device in the claim');
    }
    const count = device.conditions?.length ?? 0;
    if (count > MAX_CONDITIONS) at.tooMany('conditions', count, MAX_CONDITIONS);
    checkConditions(at, device.conditions);
    checkData(at, device.data);
    if (device.networkData !== undefined) at.within('networkData', () => checkNetwork(at, device.networkData!));
  });
}

function checkData(at: FieldCursor, data: unknown): void {
  if (data === undefined || data === null) return;
  if (Buffer.byteLength(JSON.stringify(data)) > MAX_DATA_BYTES) at.tooLong('data', MAX_DATA_BYTES);
  else if (!isJsonObject(data)) at.invalid('data', '<value omitted>', 'must be a valid JSON object');
}

function checkNetwork(at: FieldCursor, { interfaceName = '', hardwareAddress = '', ips }: NetworkDeviceData): void {
  at.declared(() => {
    if (Buffer.byteLength(interfaceName) > MAX_INTERFACE_BYTES) at.tooLong('interfaceName', MAX_INTERFACE_BYTES);
    if (Buffer.byteLength(hardwareAddress) > MAX_HARDWARE_BYTES) at.tooLong('hardwareAddress', MAX_HARDWARE_BYTES);
  });
  const itself = (address: string) => address;
  eachUniqueUpTo(at, 'ips', ips, MAX_IPS, { keyOf: itself }, (address) => {
    at.add(validateInterfaceAddress(at.path(), address));
  });
}
