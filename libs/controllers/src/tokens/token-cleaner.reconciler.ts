import { gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { expiryController } from '../workload/expiry-loop.js';
import { bootstrapTokens, tokenExpiry } from './bootstrap-tokens.js';

/** Deletes bootstrap tokens when they expire. */
export function tokenCleaner(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'token-cleaner');
  const tokens = bootstrapTokens(runtime.informers);
  return expiryController('token-cleaner-controller', runtime, gvr.secrets, tokenExpiry, tokens);
}
