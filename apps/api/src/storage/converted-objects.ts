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

async function convertMissing({ apiVersion, conversion }: ServedVersion, missing: CachedObject[]): Promise<void> {
  const converted = await conversion.fromStorage(missing.map((object) => object.parse()));
  if (converted.length !== missing.length) {
    throw new Error(`conversion to ${apiVersion} gave ${converted.length} objects for ${missing.length}`);
  }
  for (const [at, object] of missing.entries()) object.keepConverted(apiVersion, converted[at]!);
}

/** The object in a served version; frozen, or the caller's own. Throws when it takes time and was not made ahead. */
export function inVersion(object: CachedObject, version: ServedVersion | undefined): any {
  if (version === undefined) return object.parse();
  const { conversion } = version;
  return conversion.sync
    ? conversion.fromStorage([object.parse()])[0]
    : JSON.parse(object.bytesFor(version).toString());
}
