import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection, targets } from '../rejection.js';

/** Services take no external addresses: with one, a Service can take the traffic to any address. Those that it has it may keep. */
export class DenyServiceExternalIPs implements AdmissionPlugin {
  readonly name = 'DenyServiceExternalIPs';

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'services', ['CREATE', 'UPDATE']);
  }

  validate(request: AdmissionRequest): void {
    const before: readonly string[] = request.oldObject?.['spec']?.externalIPs ?? [];
    const wanted: readonly string[] = request.object!['spec']?.externalIPs ?? [];
    if (wanted.every((address) => before.includes(address))) return;
    throw rejection(request, 'Use of external IPs is denied by admission control');
  }
}
