import { isConflict, isNotFound } from '#apimachinery';
import type { Client } from '#client';
import type { Pod } from '../pod/pod.js';
import { PODS, type StatusWriter } from './status-writer.js';

/** How long the last status is waited for. Milliseconds. */
const LIMIT = 2000;

/** Takes the pod from the API server for good, once its last status is there. One that is gone already is no failure. */
export async function deletePod(
  client: Pick<Client, 'delete'>,
  writer: Pick<StatusWriter, 'flush'>,
  { metadata: { namespace, name, uid } }: Pod,
): Promise<void> {
  await Promise.race([writer.flush(uid), new Promise((resolve) => setTimeout(resolve, LIMIT))]);
  try {
    await client.delete(PODS, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
