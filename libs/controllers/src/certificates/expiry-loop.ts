import { type GroupVersionResource, isConflict, isNotFound, type KubeObject } from '#apimachinery';
import { splitKey } from '#client';
import type { Controller, ControllerRuntime } from '../context.js';
import { controller } from '../controller.js';

/** Deletes each object of a resource at a time of its own, in milliseconds since the epoch; undefined keeps it. */
export function expiryController<T extends KubeObject>(
  name: string,
  runtime: ControllerRuntime,
  resource: GroupVersionResource,
  expiryOf: (object: T) => number | undefined,
): Controller {
  const { client, clock, informers } = runtime;
  const objects = informers.for<T>(resource);
  return controller(name, runtime)
    .for<T>(resource)
    .workers(1)
    .reconcile(async (key) => {
      const object = objects.getByKey(key);
      const expiry = object && object.metadata.deletionTimestamp === undefined ? expiryOf(object) : undefined;
      if (expiry === undefined) return undefined;
      if (expiry > clock.now()) return { requeueAfter: expiry - clock.now() };
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
