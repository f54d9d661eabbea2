import { bare } from '#apimachinery';
import type { RequestedNames } from '../context.js';

/** The signers of kubernetes.io: what each signs. Pure; texts are those of k8s.io/kubernetes/pkg/apis/certificates. */

export const KUBELET_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The longest life of a certificate: kube-controller-manager's --cluster-signing-duration. */
const LONGEST = 365 * 24 * HOUR;
const SHORTEST = 10 * MINUTE;
/** Clocks of nodes differ: certificates are valid from a little before they are made. */
const BACKDATE = 5 * MINUTE;
/** A shorter life is not cut by the backdating. */
const SHORT = 8 * HOUR;

type Problem = (names: RequestedNames, usages: readonly string[]) => string | undefined;

/** Why the signer refuses a request, by its name. */
export const signers = bare<Problem>({
  'kubernetes.io/kubelet-serving': kubeletServingProblem,
  [KUBELET_CLIENT_SIGNER]: kubeletClientProblem,
  'kubernetes.io/kube-apiserver-client': (_, usages) => clientUsageProblem(usages),
  'kubernetes.io/legacy-unknown': () => undefined,
});

export function kubeletClientProblem(names: RequestedNames, usages: readonly string[]): string | undefined {
  if (!isOfNodes(names)) return 'subject organization is not system:nodes';
  if (names.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (names.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (names.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (names.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return nodeNameProblem(names) ?? nodeUsageProblem(usages, 'client auth');
}

function kubeletServingProblem(names: RequestedNames, usages: readonly string[]): string | undefined {
  if (!isOfNodes(names)) return 'subject organization is not system:nodes';
  if (names.dnsNames.length === 0 && names.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (names.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (names.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return nodeUsageProblem(usages, 'server auth') ?? nodeNameProblem(names);
}

function isOfNodes({ organizations }: RequestedNames): boolean {
  return organizations.length === 1 && organizations[0] === 'system:nodes';
}

function nodeNameProblem({ commonName }: RequestedNames): string | undefined {
  return commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:';
}

/** Exactly the purpose and digital signature; key encipherment is for RSA. */
function nodeUsageProblem(usages: readonly string[], purpose: string): string | undefined {
  const asked = new Set(usages);
  asked.delete('key encipherment');
  if (asked.size === 2 && asked.has('digital signature') && asked.has(purpose)) return undefined;
  return `usages did not match [${['digital signature', 'key encipherment', purpose].sort().join(' ')}]`;
}

function clientUsageProblem(usages: readonly string[]): string | undefined {
  const allowed = ['digital signature', 'key encipherment', 'client auth'];
  const other = usages.find((usage) => !allowed.includes(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

/** When a certificate that is signed now begins and ends. All times in milliseconds, but `expirationSeconds`. */
export function validityOf(expirationSeconds: number | undefined, now: number): { notBefore: Date; notAfter: Date } {
  const asked = expirationSeconds === undefined ? LONGEST : expirationSeconds * 1000;
  const life = Math.min(Math.max(asked, SHORTEST), LONGEST);
  return {
    notBefore: new Date(now - BACKDATE),
    notAfter: new Date(life < SHORT ? now + life : now + life - BACKDATE),
  };
}
