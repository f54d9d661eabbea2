import type { KubeObject } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionRequest } from '../admission-request.js';
import { reviewRequest } from '../webhooks/admission-review.js';
import type { PolicyInputs } from './policy-evaluation.js';
import type { MatchedAs } from './policy-match.js';

/** What the expressions of policies know of a request, in the version of the match. */
export function policyInputs(
  request: AdmissionRequest,
  matched: MatchedAs,
  objects: { readonly object: KubeObject | undefined; readonly oldObject: KubeObject | undefined },
  params: KubeObject | undefined,
  lister: Lister,
): PolicyInputs {
  const { uid: _, object, oldObject, ...shown } = reviewRequest(request, matched, objects);
  return {
    object,
    oldObject,
    request: shown,
    namespaceObject: namespaceObject(request, lister),
    params: params ?? null,
  };
}

/** Null for what is in no namespace, and for namespaces. */
function namespaceObject({ namespace, kind }: AdmissionRequest, lister: Lister): unknown {
  if (namespace === '' || (kind.group === '' && kind.kind === 'Namespace')) return null;
  const found = lister.get('namespaces', '', namespace);
  if (found === undefined) return null;
  const { uid, ...metadata } = found.metadata;
  return { ...found, metadata: { ...metadata, UID: uid } };
}
