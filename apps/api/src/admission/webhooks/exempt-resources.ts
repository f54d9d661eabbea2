import type { GroupVersionResource } from '#apimachinery';

/** A webhook that is called for these could lock the cluster out of mending it. */
const CONFIGURATIONS = new Set([
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
]);
/** And for these, of its own authentication and authorization: ExcludeAdmissionWebhookVirtualResources, on by default since v1.37. */
const REVIEWS = new Set([
  'authentication.k8s.io/selfsubjectreviews',
  'authentication.k8s.io/tokenreviews',
  'authorization.k8s.io/localsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
  'authorization.k8s.io/subjectaccessreviews',
]);

/** What no webhook is called for, whatever its rules. */
export function isExempt({ group, resource }: GroupVersionResource): boolean {
  if (group === 'admissionregistration.k8s.io') return CONFIGURATIONS.has(resource);
  return REVIEWS.has(`${group}/${resource}`);
}
