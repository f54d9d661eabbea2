import type { KindStrategy } from '../../../contract/kind-module.js';
import type { Job } from '../../../generated/types.js';

export const jobStrategy: KindStrategy = {
  // Kept from the days when jobs left their pods behind.
  defaultPropagation: 'Orphan',
  prepareForCreate(job: Job) {
    if (job.spec.manualSelector !== true) generateSelector(job);
  },
};

/** A selector that no other job's pods match: by the uid, which the template's labels carry too. */
function generateSelector({ metadata, spec }: Job): void {
  const name = metadata.name ?? '';
  const uid = metadata.uid ?? '';
  spec.template.metadata ??= {};
  // Labels that the user wrote stay, and are refused by validation where they differ.
  spec.template.metadata.labels = {
    'batch.kubernetes.io/job-name': name,
    'job-name': name,
    'batch.kubernetes.io/controller-uid': uid,
    'controller-uid': uid,
    ...spec.template.metadata.labels,
  };
  spec.selector = {
    ...spec.selector,
    matchLabels: { 'batch.kubernetes.io/controller-uid': uid, ...spec.selector?.matchLabels },
  };
}
