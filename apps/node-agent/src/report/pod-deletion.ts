import { setTimeout as sleep } from 'node:timers/promises';
import { isConflict, isNotFound } from '#apimachinery';
import type { Client } from '#client';
import type { Pod } from '../pod/pod.js';
import { PODS, type StatusWriter } from './status-writer.js';

/** How long the last status is waited for: on a busy server it takes as long as any other request. Milliseconds. */
const LIMIT = 30_000;

/**
 * Takes the pod from the API server for good, once its last status is there; none that comes later is written. One that is gone already
 * is no failure.
 */
export async function deletePod(
  client: Pick<Client, 'delete'>,
  writer: Pick<StatusWriter, 'finish' | 'hold' | 'resume'>,
  { metadata: { namespace, name, uid, finalizers = [] } }: Pod,
  limit = LIMIT,
): Promise<void> {
  const written = new AbortController();
  const late = sleep(limit, true, { signal: written.signal }).catch(() => false);
  const isLate = await Promise.race([writer.finish(uid).then(() => false), late]);
  written.abort();
  // What still waits would come after the deletion; unless that fails as well, or finalizers keep the pod.
  if (isLate && finalizers.length === 0) writer.hold(uid);
  try {
    await client.delete(PODS, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return;
    writer.resume(uid);
    throw error;
  }
}
