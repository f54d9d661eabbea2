import { deepEqual } from '#apimachinery';
import type { KindStrategy } from '../../../contract/kind-module.js';
import type { EndpointSlice } from '../../../generated/types.js';

export const endpointSliceStrategy: KindStrategy = {
  generationOf: ['addressType', 'endpoints', 'ports', 'metadata.labels'],
  prepareForCreate: dropTopology,
  prepareForUpdate(slice: EndpointSlice, old: EndpointSlice) {
    const some = slice.endpoints?.some((endpoint) => endpoint.deprecatedTopology);
    if (some && !deepEqual(slice.endpoints, old.endpoints)) dropTopology(slice);
  },
};

/** What v1beta1 called topology: in v1 it is read, and never written. */
function dropTopology({ endpoints }: EndpointSlice): void {
  for (const endpoint of endpoints ?? []) delete endpoint.deprecatedTopology;
}
