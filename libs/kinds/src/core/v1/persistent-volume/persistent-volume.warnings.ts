import type { PersistentVolume } from '../../../generated/types.js';
import { WarningCursor } from '../../../validation/warning-cursor.js';
import { warnOfNodeTerm } from '../node-labels.warnings.js';
import { warnOfClassAnnotation } from '../storage-class.warnings.js';

const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';
const sources = [
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
] as const;

export function persistentVolumeWarnings({ metadata, spec }: PersistentVolume): string[] {
  const at = new WarningCursor();
  const { annotations = {} } = metadata;
  warnOfClassAnnotation(at, metadata);
  if (annotations[MOUNT_OPTIONS] !== undefined) {
    at.warn(`metadata.annotations[${MOUNT_OPTIONS}]`, 'deprecated since v1.31; use "mountOptions" attribute instead');
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    const text =
      'The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.';
    at.warn('spec.persistentVolumeReclaimPolicy', text);
  }
  spec.nodeAffinity?.required?.nodeSelectorTerms?.forEach((term, i) => {
    at.enter(`spec.nodeAffinity.required.nodeSelectorTerms[${i}]`);
    warnOfNodeTerm(at, term, false);
    at.leave();
  });
  for (const [source, text] of sources) {
    if (spec[source] !== undefined) at.warn(`spec.${source === 'storageos' ? 'storageOS' : source}`, text);
  }
  return at.warnings;
}
