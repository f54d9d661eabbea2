import {
  badRequest,
  conflict,
  genericNotFound,
  methodNotAllowed,
  nestingOf,
  StatusError,
  serviceUnavailable,
  timeout,
} from '#apimachinery';
import { WebhookDenial } from '../admission/webhooks/webhook-errors.js';
import { readAhead } from '../codec/body-ahead.js';
import { subresourceKind } from '../codec/body-decoder.js';
import { isLarge } from '../codec/large-bodies.js';
import { isYaml, readYamlBody } from '../codec/yaml-body.js';
import { StoreOutcomeUnknown, StoreUnavailable } from '../storage/store.js';
import type { ApiHandler, ResponseNotes } from './api-handler.js';
import type { ApiRequest, AuthorizedRequest } from './api-request.js';
import type { ApiResult } from './api-result.js';
import { answerComputed } from './computed-resource.js';
import { groupResourceOf } from './object-key.js';
import type { RegistryContext } from './registry-context.js';
import { authorizeOrThrow, WRITES } from './request-authorization.js';
import type { ResourceEntry } from './resource-table.js';
import { handleSubresource } from './subresources.js';
import { createObject } from './verbs/create.js';
import { answerVirtual } from './verbs/create-virtual.js';
import { deleteObject } from './verbs/delete.js';
import { deleteCollection } from './verbs/delete-collection.js';
import { getObject } from './verbs/get.js';
import { listObjects } from './verbs/list.js';
import { patchObject } from './verbs/patch.js';
import { updateObject } from './verbs/update.js';
import { watchObjects } from './verbs/watch.js';
import { DEFINITIONS, DefinitionChanged } from './write/definition-guard.js';

/** A custom resource is tried this often while its definition is changed. */
const DEFINITION_ATTEMPTS = 20;

/** By what is missing, and by an object that is not (any more) what the request takes it for. */
const REFUSALS = new Set([403, 404, 422]);

/** The object path: authorization, then one verb of one resource. The same for HTTP and for callers in the process. */
export class RegistryHandler implements ApiHandler {
  constructor(private readonly context: RegistryContext) {}

  async authorize(request: ApiRequest): Promise<AuthorizedRequest> {
    try {
      return await authorizeOrThrow(this.context, request);
    } catch (error) {
      throw knownFailure(error) ?? error;
    }
  }

  async handle(request: AuthorizedRequest, notes: ResponseNotes): Promise<ApiResult> {
    const began = this.context.store.currentRevision();
    const warned = notes.warnings.length;
    try {
      try {
        return await this.runAsDefined(request, notes);
      } catch (error) {
        if (!(await this.mayBeStale(request, error, began))) throw error;
        notes.warnings.length = warned;
        return await this.runAsDefined(request, notes);
      }
    } catch (error) {
      throw knownFailure(error, request.body) ?? error;
    }
  }

  /**
   * A write that was refused for what is missing (its namespace, its ServiceAccount, a permission), or for what the object is, by a
   * cache that another replica was ahead of: a client that makes a namespace through one replica and fills it through another has to
   * find it. Conflicts are judged anew for patches alone: other writes name the revision that they are about, or are told by the store.
   */
  private async mayBeStale({ verb }: ApiRequest, error: unknown, began: number): Promise<boolean> {
    if (!WRITES.has(verb) || !(error instanceof StatusError) || error instanceof WebhookDenial) return false;
    if (!REFUSALS.has(error.code) && !(verb === 'patch' && error.code === 409)) return false;
    return (await this.context.store.readBarrier()) > began;
  }

  /** Again where the definition of the resource was changed meanwhile, as it is now. */
  private async runAsDefined(request: AuthorizedRequest, notes: ResponseNotes): Promise<ApiResult> {
    const warned = notes.warnings.length;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.run(request, notes);
      } catch (error) {
        if (!(error instanceof DefinitionChanged)) throw error;
        if (attempt === DEFINITION_ATTEMPTS) throw conflict(groupResourceOf(DEFINITIONS), error.custom.source.name);
        await this.context.store.readBarrier();
        error.custom.source.settle();
        notes.warnings.length = warned;
      }
    }
  }

  private async run(request: AuthorizedRequest, notes: ResponseNotes): Promise<ApiResult> {
    const { context } = this;
    const entry = context.resources.find(request.group, request.version, request.resource);
    if (!entry) throw genericNotFound();
    checkPath(entry, request);
    if (request.pathError) throw request.pathError;
    if (isYaml(request)) {
      await readYamlBody(request, request.user.name);
    } else if (isLarge(request)) await readAhead(request, bodySchema(entry, request));
    if (request.subresource !== '') return handleSubresource(context, entry, request, notes.warnings);
    if (!entry.verbs.has(request.verb) || !verbsOf(entry, request).has(request.verb)) throw methodNotAllowed();
    const virtual = entry.virtual.get('');
    if (virtual && request.verb === 'create') return answerVirtual(context, entry, virtual, request, notes.warnings);
    const inScope = entry.definition.namespaced ? request : { ...request, namespace: '' };
    if (entry.computed) return answerComputed(entry, entry.computed, inScope);
    return runVerb(context, entry, inScope, notes.warnings);
  }
}

/**
 * A database that is away is the server's trouble, and worth another try. A stack that overflows is the client's doing
 * only where its body is nested that deep; the reference's reader has a limit of its own.
 */
export function knownFailure(error: unknown, body?: unknown): StatusError | undefined {
  if (error instanceof StoreOutcomeUnknown) return timeout(error.message, 1);
  if (error instanceof StoreUnavailable) return serviceUnavailable(error.message);
  if (error instanceof RangeError && Buffer.isBuffer(body) && nestingOf(body) > DEEP) {
    return badRequest('exceeded max depth');
  }
  return undefined;
}

/** Levels that no honest object has, and every part of the pipeline has stack for. */
const DEEP = 500;

async function runVerb(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  switch (request.verb) {
    case 'get': {
      const { namespace, name, query } = request;
      const revision = query.size === 0 ? '' : (query.get('resourceVersion') ?? '');
      const object = await getObject(context, entry, namespace, name, revision);
      return { kind: 'cached', code: 200, resource: entry.definition, object };
    }
    case 'list':
      return listObjects(context, entry, request);
    case 'watch':
      return watchObjects(context, entry, request);
    case 'create':
      return createObject(context, entry, request, warnings);
    case 'update':
      return updateObject(context, entry, request, warnings);
    case 'patch':
      return patchObject(context, entry, request, warnings);
    case 'delete':
      return deleteObject(context, entry, request, warnings);
    case 'deletecollection':
      return deleteCollection(context, entry, request, warnings);
    default:
      throw methodNotAllowed();
  }
}

const OBJECT_VERBS: ReadonlySet<string> = new Set(['get', 'update', 'patch', 'delete']);
const COLLECTION_VERBS: ReadonlySet<string> = new Set(['list', 'watch', 'create', 'deletecollection']);
/** What a namespaced resource offers over all namespaces. */
const EVERYWHERE_VERBS: ReadonlySet<string> = new Set(['list', 'watch']);

/** The type of what is sent, as far as protobuf can be. */
function bodySchema({ definition, subresources }: ResourceEntry, { subresource }: ApiRequest): string {
  const sub = subresources.get(subresource);
  return sub === undefined ? definition.schemaName : subresourceKind(sub).schemaName;
}

/** Lists and watches have a name when their field selector asks for one. */
function isObjectPath({ name, subresource, verb }: ApiRequest): boolean {
  return subresource !== '' || (name !== '' && !EVERYWHERE_VERBS.has(verb));
}

function verbsOf({ definition }: ResourceEntry, request: ApiRequest): ReadonlySet<string> {
  if (isObjectPath(request)) return OBJECT_VERBS;
  return definition.namespaced && request.namespace === '' ? EVERYWHERE_VERBS : COLLECTION_VERBS;
}

/**
 * Throws 404 for a path that serves no verb at all. Namespaced objects are reached through their namespace only, and
 * cluster-scoped ones never.
 */
function checkPath(entry: ResourceEntry, request: ApiRequest): void {
  const { namespaced, plural } = entry.definition;
  const { namespace, name, subresource } = request;
  // A namespace is in itself, as far as authorization goes.
  const outside = namespace === '' || (plural === 'namespaces' && namespace === name);
  const fits = namespaced ? namespace !== '' || !isObjectPath(request) : outside;
  if (!fits) throw genericNotFound();
  if (subresource !== '') {
    if (!entry.subresources.has(subresource)) throw genericNotFound();
    return;
  }
  for (const verb of verbsOf(entry, request)) if (entry.verbs.has(verb)) return;
  throw genericNotFound();
}
