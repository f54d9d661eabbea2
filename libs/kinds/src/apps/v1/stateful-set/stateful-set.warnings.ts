import type { KindWarnings } from '../../../contract/kind-module.js';
import { warnOfClaim } from '../../../core/v1/persistent-volume-claim/persistent-volume-claim.warnings.js';
import { specTemplateWarnings, workloadWarnings } from '../../../core/v1/pod/pod-template.warnings.js';
import type { StatefulSet } from '../../../generated/types.js';
import { WarningCursor } from '../../../validation/warning-cursor.js';

const ofTemplate = workloadWarnings(specTemplateWarnings, false);

export const statefulSetWarnings: KindWarnings = (set: StatefulSet, old) => {
  const at = new WarningCursor('spec');
  set.spec.volumeClaimTemplates?.forEach((claim, i) => {
    at.enter(old === undefined ? `volumeClaimTemplates[${i}]` : `volumeClaimTemplates[${i}].Spec`);
    warnOfClaim(at, claim.spec);
    at.leave();
  });
  if ((set.spec.revisionHistoryLimit ?? 0) < 0) {
    at.warn('revisionHistoryLimit', 'a negative value retains all historical revisions; a value >= 0 is recommended');
  }
  return [...ofTemplate(set, old), ...at.warnings];
};
