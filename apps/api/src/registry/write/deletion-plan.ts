import { formatTime, type KubeObject, parseTime } from '#apimachinery';
import type { DeletionPolicy } from '#kinds';
import type { DeleteRequestOptions } from '../request-options.js';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** Changes `object` to what a deletion makes of it now, and says what is to be done with it. */
export function planDeletion(
  object: KubeObject,
  options: DeleteRequestOptions,
  policy: DeletionPolicy,
  strategy: {
    gracePeriodSeconds?(object: KubeObject, requested?: number): number;
    defaultPropagation: 'Background' | 'Orphan';
  },
  now: Date,
): 'remove' | 'mark' | 'nothing' {
  const { metadata } = object;
  const asked = options.gracePeriodSeconds === undefined ? undefined : Math.max(options.gracePeriodSeconds, 0);
  const requested = options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0 ? 1 : asked;
  const graceful = strategy.gracePeriodSeconds
    ? gracePlan(object, requested, strategy.gracePeriodSeconds, now)
    : 'immediate';
  if (graceful === 'pending') return 'nothing';

  if (!policy.uncollected) setPropagation(object, options, strategy.defaultPropagation);
  const held = (metadata.finalizers?.length ?? 0) > 0 || (policy.isHeld?.(object) ?? false);
  if (graceful === 'marked') {
    return metadata.deletionGracePeriodSeconds === 0 && !held ? 'remove' : 'mark';
  }
  if (policy.markFirst && metadata.deletionTimestamp === undefined) {
    markAsDeleting(object, now);
    delete metadata.deletionGracePeriodSeconds;
    policy.markFirst(object);
    return 'mark';
  }
  if (!held) return 'remove';
  markAsDeleting(object, now);
  return 'mark';
}

/** Sets or shortens the grace period. `pending`: a deletion with this or a shorter period is under way. */
function gracePlan(
  object: KubeObject,
  requested: number | undefined,
  graceOf: (object: KubeObject, requested?: number) => number,
  now: Date,
): 'immediate' | 'marked' | 'pending' {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) {
    const running = metadata.deletionGracePeriodSeconds ?? 0;
    if (running === 0) return 'immediate';
    if (requested === undefined || requested >= running) return 'pending';
    let period = requested;
    let end = (parseTime(metadata.deletionTimestamp) ?? now.getTime()) + (requested - running) * 1000;
    if (end < now.getTime()) {
      end = now.getTime();
      if (period !== 0) period = 1;
    }
    metadata.deletionTimestamp = formatTime(new Date(end));
    metadata.deletionGracePeriodSeconds = period;
    return 'marked';
  }
  const period = graceOf(object, requested);
  metadata.deletionTimestamp = formatTime(new Date(now.getTime() + period * 1000));
  metadata.deletionGracePeriodSeconds = period;
  if ((metadata.generation ?? 0) > 0) metadata.generation! += 1;
  return 'marked';
}

function markAsDeleting(object: KubeObject, now: Date): void {
  const { metadata } = object;
  if (metadata.deletionTimestamp === undefined) {
    if ((metadata.generation ?? 0) > 0) metadata.generation! += 1;
    metadata.deletionTimestamp = formatTime(now);
  } else if ((parseTime(metadata.deletionTimestamp) ?? 0) > now.getTime()) {
    metadata.deletionTimestamp = formatTime(now);
  }
  metadata.deletionGracePeriodSeconds = 0;
}

/** The garbage collector's finalizers, as the options ask; without options what is there stays. */
function setPropagation(object: KubeObject, options: DeleteRequestOptions, byDefault: 'Background' | 'Orphan'): void {
  const present = object.metadata.finalizers ?? [];
  let orphan: boolean;
  let foreground: boolean;
  if (options.orphanDependents !== undefined) {
    orphan = options.orphanDependents;
    foreground = false;
  } else if (options.propagationPolicy !== undefined) {
    orphan = options.propagationPolicy === 'Orphan';
    foreground = options.propagationPolicy === 'Foreground';
  } else {
    const first = present.find((item) => item === ORPHAN || item === FOREGROUND);
    orphan = first === ORPHAN || (first === undefined && byDefault === 'Orphan');
    foreground = first === FOREGROUND;
  }
  if (present.includes(ORPHAN) === orphan && present.includes(FOREGROUND) === foreground) return;
  const finalizers = present.filter((item) => item !== ORPHAN && item !== FOREGROUND);
  if (orphan) finalizers.push(ORPHAN);
  if (foreground) finalizers.push(FOREGROUND);
  if (finalizers.length > 0) object.metadata.finalizers = finalizers;
  else delete object.metadata.finalizers;
}
