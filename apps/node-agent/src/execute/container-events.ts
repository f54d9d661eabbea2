import { containerFieldPath, kindOf, type Pod } from '../pod/pod.js';
import type { Needs } from './step-services.js';

/** An event of the pod that points at one of its containers. */
export function recordContainer(
  { events }: Needs<'events'>,
  pod: Pod,
  name: string,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const kind = kindOf(pod, name);
  events.event(pod, type, reason, message, kind && containerFieldPath(kind, name));
}
