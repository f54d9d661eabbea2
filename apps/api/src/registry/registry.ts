import type { UserInfo } from '#apimachinery';
import type { Client } from '#client';
import type { ResourceCatalog } from '#kinds';
import type { Tracer } from '#telemetry';
import type { Auditor } from '../audit/auditor.js';
import type { Authorizer } from '../authorization/authorizer.js';
import type { Store } from '../storage/store.js';
import type { ApiHandler } from './api-handler.js';
import { auditedHandler } from './audited-handler.js';
import type { ComputedResource } from './computed-resource.js';
import { InProcessClient } from './in-process-client.js';
import type { AdmissionRunner, RegistryContext } from './registry-context.js';
import { RegistryHandler } from './registry-handler.js';
import { ResourceTable } from './resource-table.js';
import { tracedAdmission } from './traced-admission.js';
import { tracedHandler } from './traced-handler.js';
import type { VirtualResource } from './virtual-resource.js';
import type { WriteMeter } from './write/write-meter.js';
import { type WriteParticipant, WriteParticipants } from './write/write-participant.js';

export interface RegistryOptions {
  catalog: ResourceCatalog;
  store: Store;
  authorizer: Authorizer;
  admission: AdmissionRunner;
  virtualResources: readonly VirtualResource[];
  computedResources?: readonly ComputedResource[];
  participants?: readonly WriteParticipant[];
  meter?: WriteMeter;
  now?: () => Date;
  /** Makes a span of each request; absent: none. */
  tracer?: Tracer;
  /** Audits the requests of clients within the process; absent: nobody does. */
  auditor?: Auditor;
}

/** The object path with everything it stands on: what HTTP and in-process callers share. */
export interface Registry {
  readonly handler: ApiHandler;
  readonly context: RegistryContext;
  /** A client of this process under an identity of its own; RBAC and admission apply. */
  client(user: UserInfo, userAgent?: string): Client;
}

export function createRegistry(options: RegistryOptions): Registry {
  const { catalog, store, authorizer, admission, tracer } = options;
  const resources = new ResourceTable(catalog, options.virtualResources, store, options.computedResources);
  const context: RegistryContext = {
    store,
    resources,
    authorizer,
    admission: tracer ? tracedAdmission(admission, tracer) : admission,
    tracer,
    participants: new WriteParticipants(options.participants ?? []),
    meter: options.meter,
    now: options.now ?? (() => new Date()),
  };
  const plain = new RegistryHandler(context);
  const handler = tracer ? tracedHandler(plain, tracer) : plain;
  const inProcess = options.auditor ? auditedHandler(handler, options.auditor, resources) : handler;
  return {
    handler,
    context,
    client: (user, userAgent = user.name) => new InProcessClient(inProcess, resources, user, userAgent),
  };
}
