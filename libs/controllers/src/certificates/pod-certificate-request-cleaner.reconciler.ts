import { gvr, type PodCertificateRequest } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { expiryController } from '../workload/expiry-loop.js';

/** Milliseconds in which every flow is done, as upstream expects it. */
const LIFETIME = 15 * 60_000;

/** Deletes requests for pod certificates that are older than any answer to them takes. */
export function podCertificateRequestCleaner(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'podcertificaterequestcleaner');
  const expiry = ({ metadata }: PodCertificateRequest) => Date.parse(metadata.creationTimestamp!) + LIFETIME;
  return expiryController('podcertificaterequest-cleaner-controller', runtime, gvr.podcertificaterequests, expiry);
}
