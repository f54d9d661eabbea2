import type { KindValidator } from '../../../contract/kind-module.js';
import type { CSIDriver, CSIDriverSpec, StorageTokenRequest } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const lifecycleModes = ['Persistent', 'Ephemeral'];
/** Seconds. */
const SHORTEST_TOKEN = 600;
const LONGEST_TOKEN = 2 ** 32;
const SHORTEST_UPDATE_PERIOD = 10;

export const csiDriverValidator: KindValidator = {
  rules: [
    'the name has at most 63 characters',
    'fsGroupPolicy is one of File, None, ReadWriteOnceWithFSType',
    'volumeLifecycleModes are Persistent, Ephemeral',
    'tokenRequests: audiences are unique, expirationSeconds is 600 to 4294967296',
    'nodeAllocatableUpdatePeriodSeconds is at least 10',
    'serviceAccountTokenInSecrets needs tokenRequests',
    'immutable: spec.attachRequired, spec.volumeLifecycleModes',
  ],
  validateCreate({ spec }: CSIDriver) {
    const at = new FieldCursor('spec');
    check(at, spec);
    return at.all();
  },
  validateUpdate({ spec }: CSIDriver, { spec: old }: CSIDriver) {
    const at = new FieldCursor('spec');
    check(at, spec);
    // Upstream's own name of the field.
    at.immutable('attachedRequired', spec.attachRequired, old.attachRequired);
    at.immutable('volumeLifecycleModes', spec.volumeLifecycleModes, old.volumeLifecycleModes);
    return at.all();
  },
};

/** Flags that have to be set all have a default. */
function check(at: FieldCursor, spec: CSIDriverSpec): void {
  at.optionalChoice('fsGroupPolicy', spec.fsGroupPolicy, groupPolicies);
  checkTokenRequests(at, spec.tokenRequests);
  for (const mode of spec.volumeLifecycleModes ?? []) at.optionalChoice('volumeLifecycleModes', mode, lifecycleModes);
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < SHORTEST_UPDATE_PERIOD) {
    const text = `must be greater than or equal to ${SHORTEST_UPDATE_PERIOD} seconds`;
    at.invalid('nodeAllocatableUpdatePeriodSeconds', period, text);
  }
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && (spec.tokenRequests ?? []).length === 0) {
    const text = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    at.invalid('serviceAccountTokenInSecrets', inSecrets, text);
  }
}

function checkTokenRequests(at: FieldCursor, requests: readonly StorageTokenRequest[] | undefined): void {
  const audiences = new Set<string>();
  at.each('tokenRequests', requests, ({ audience = '', expirationSeconds: seconds }) => {
    if (audiences.has(audience)) {
      at.duplicate('audience', audience);
      return;
    }
    audiences.add(audience);
    if (seconds === undefined) return;
    if (seconds < SHORTEST_TOKEN) {
      at.invalid('expirationSeconds', seconds, 'may not specify a duration less than 10 minutes');
    }
    if (seconds > LONGEST_TOKEN) {
      at.invalid('expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds');
    }
  });
}
