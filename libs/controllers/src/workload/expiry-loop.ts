import { type GroupVersionResource, isConflict, isNotFound, type KubeObject } from '#apimachinery';
import { type Informer, splitKey } from '#client';
import type { Controller, ControllerRuntime } from '../context.js';
import { controller } from '../controller.js';

const LONGEST_WAIT = 24 * 3_600_000;

/** Deletes each object of a resource at a time of its own. `expiryOf` gives it in milliseconds since the epoch; undefined keeps it. */
export function expiryController<T extends KubeObject>(
  name: string,
  runtime: ControllerRuntime,
  resource: GroupVersionResource,
  expiryOf: (object: T) => number | undefined,
  objects: Informer<T> = runtime.informers.for<T>(resource),
): Controller {
  const { client, clock } = runtime;
  return controller(name, runtime)
    .for<T>(objects)
    .workers(1)
    .reconcile(async (key) => {
      const object = objects.getByKey(key);
      const expiry = object && object.metadata.deletionTimestamp === undefined ? expiryOf(object) : undefined;
      if (expiry === undefined) return undefined;
      // Timers hold no more than 24 days.
      if (expiry > clock.now()) return { requeueAfter: Math.min(expiry - clock.now(), LONGEST_WAIT) };
      const { uid, resourceVersion } = object!.metadata;
      const { namespace, name } = splitKey(key);
      try {
        await client.delete(resource, namespace, name, { preconditions: { uid, resourceVersion } });
      } catch (error) {
        // One that has changed comes back as an event.
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
      return undefined;
    });
}
