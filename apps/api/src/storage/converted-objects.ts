import type { Conversion } from '#kinds';
import type { CachedObject, ServedVersion } from './store.js';

/**
 * Makes what a conversion that takes time makes of these objects, in one call for all that lack it. It is kept with them, so that
 * readers and watchers share it, and rendering waits for nobody. Undefined when there is nothing to wait for, as for nearly all resources.
 * Rejects with what the conversion says.
 */
export function convertAhead(
  version: ServedVersion | undefined,
  objects: readonly CachedObject[],
): Promise<void> | undefined {
  if (version === undefined || version.conversion.sync) return undefined;
  const missing = objects.filter((object) => !object.isConverted(version));
  return missing.length === 0 ? undefined : convertMissing(version, missing);
}

/** By object and by conversion: what is being made. Many watchers ask for the same at once. */
const underWay = new WeakMap<CachedObject, Map<Conversion, Promise<void>>>();

async function convertMissing(version: ServedVersion, missing: readonly CachedObject[]): Promise<void> {
  const known = missing.map((object) => underWay.get(object)?.get(version.conversion));
  const rest = missing.filter((_, i) => known[i] === undefined);
  const waits = new Set(known.filter((wait) => wait !== undefined));
  if (rest.length > 0) waits.add(begin(version, rest));
  await Promise.all(waits);
}

function begin(version: ServedVersion, objects: readonly CachedObject[]): Promise<void> {
  const { conversion } = version;
  const work = convertNow(version, objects).finally(() => {
    for (const object of objects) underWay.get(object)?.delete(conversion);
  });
  for (const object of objects) {
    const own = underWay.get(object);
    if (own) own.set(conversion, work);
    else underWay.set(object, new Map([[conversion, work]]));
  }
  return work;
}

async function convertNow(version: ServedVersion, missing: readonly CachedObject[]): Promise<void> {
  const { apiVersion, conversion } = version;
  const converted = await conversion.fromStorage(missing.map((object) => object.parse()));
  if (converted.length !== missing.length) {
    throw new Error(`conversion to ${apiVersion} gave ${converted.length} objects for ${missing.length}`);
  }
  for (const [at, object] of missing.entries()) object.keepConverted(version, converted[at]!);
}

/** The object in a served version; frozen, or the caller's own. Throws when it takes time and was not made ahead. */
export function inVersion(object: CachedObject, version: ServedVersion | undefined): any {
  if (version === undefined || object.isStoredAs(version)) return object.parse();
  const { conversion } = version;
  return conversion.sync
    ? conversion.fromStorage([object.parse()])[0]
    : JSON.parse(object.bytesFor(version).toString());
}
