import { gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { expiryController } from '../workload/expiry-loop.js';
import { requestExpiry } from './certificate-signing-request-cleaner.plan.js';

/** Deletes requests that have been answered, refused or left alone for long enough. */
export function certificateCleaner(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'certificate-controller');
  const name = 'certificatesigningrequest-cleaner-controller';
  return expiryController(name, runtime, gvr.certificatesigningrequests, requestExpiry);
}
