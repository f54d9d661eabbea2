import { aftermathRows } from './aftermath.rows.js';
import { bodyRows } from './bodies.rows.js';
import { connectionRows } from './connections.rows.js';
import { credentialRows } from './credentials.rows.js';
import { customResourceRows } from './custom-resources.rows.js';
import { escalationRows } from './escalation.rows.js';
import { foreignTokenRows } from './foreign-tokens.rows.js';
import { nodeIdentityRows } from './node-identity.rows.js';
import { patchRows } from './patches.rows.js';
import { pathRows } from './paths.rows.js';
import { podSecurityRows } from './pod-security.rows.js';
import { policyRows } from './policy.rows.js';
import { proxyRows } from './proxies.rows.js';
import { quotaRows } from './quota.rows.js';
import { rightsRows } from './rights.rows.js';
import { scopeRows } from './scope.rows.js';
import type { PlaneRow } from './stage.js';
import { webhookRows } from './webhooks.rows.js';

/** All rows against the control plane, in the order in which they run; what holds after all of them comes last. */
export const controlPlaneRows: PlaneRow[] = [
  ...scopeRows,
  ...rightsRows,
  ...pathRows,
  ...credentialRows,
  ...foreignTokenRows,
  ...proxyRows,
  ...escalationRows,
  ...nodeIdentityRows,
  ...bodyRows,
  ...patchRows,
  ...policyRows,
  ...webhookRows,
  ...customResourceRows,
  ...podSecurityRows,
  ...quotaRows,
  ...connectionRows,
  ...aftermathRows,
];
