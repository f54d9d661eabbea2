import { isQualifiedName, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkDriverName } from '../../../core/v1/pod/pod-volumes.validation.js';
import type { CSINode, CSINodeDriver } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';

const MAX_NODE_ID_LENGTH = 256;

export const csiNodeValidator: KindValidator = {
  rules: [
    'names of drivers are DNS names of at most 63 characters, and unique',
    'nodeID is required and has at most 256 characters',
    'allocatable.count is not negative',
    'topologyKeys are qualified names, and unique',
    'immutable: entries of spec.drivers, except allocatable',
  ],
  validateCreate: (node: CSINode) => check(node),
  validateUpdate(node: CSINode, old: CSINode, { subresource }) {
    if (subresource === 'status') return [];
    return [...check(node), ...changeErrors(node, old)];
  },
};

function check({ spec }: CSINode) {
  const at = new FieldCursor('spec');
  const seen = new Set<string>();
  at.each('drivers', spec.drivers, (driver) => {
    const { name, nodeID = '', allocatable, topologyKeys } = driver;
    checkDriverName(at, name, 'name');
    if (nodeID === '') at.required('nodeID');
    if (Buffer.byteLength(nodeID) > MAX_NODE_ID_LENGTH) {
      at.invalid('nodeID', nodeID, `must be ${MAX_NODE_ID_LENGTH} characters or less`);
    }
    at.notNegative('allocatable.count', allocatable?.count);
    if (seen.has(name)) at.duplicate('name', name);
    seen.add(name);
    checkTopologyKeys(at, topologyKeys ?? []);
  });
  return at.all();
}

/** Errors are of the driver as a whole. */
function checkTopologyKeys(at: FieldCursor, keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const key of keys) {
    if (key === '') at.required('');
    if (seen.has(key)) at.duplicate('', key);
    seen.add(key);
    at.format('', key, isQualifiedName);
  }
}

function changeErrors({ spec }: CSINode, { spec: old }: CSINode) {
  const at = new FieldCursor('spec');
  for (const before of old.drivers ?? []) {
    for (const after of spec.drivers ?? []) {
      if (after.name !== before.name || semanticEqual(fixedPart(after), fixedPart(before))) continue;
      at.invalid('drivers', goStruct('Name NodeID TopologyKeys Allocatable', fixedPart(after)), 'field is immutable');
    }
  }
  return at.all();
}

function fixedPart({ name, nodeID, topologyKeys }: CSINodeDriver): CSINodeDriver {
  return { name, nodeID, ...(topologyKeys === undefined ? undefined : { topologyKeys }) };
}
