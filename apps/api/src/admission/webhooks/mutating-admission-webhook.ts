import { decodeJson, internalError, JsonSyntaxError, semanticEqual } from '#apimachinery';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { Reinvocation } from '../reinvocation.js';
import type { ReviewResponse } from './admission-review.js';
import { isExempt } from './exempt-resources.js';
import { applyDefaults, patchedObject } from './patched-object.js';
import { VersionedObjects } from './versioned-objects.js';
import { WebhookCaller, type WebhookContext } from './webhook-caller.js';
import { WebhookFailure } from './webhook-errors.js';
import type { Candidate, WebhookSource } from './webhook-source.js';

/** Calls the webhooks of MutatingWebhookConfigurations, one after the other: each sees what those before it changed. */
export class MutatingAdmissionWebhook implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionWebhook';
  private readonly caller: WebhookCaller;

  constructor(
    private readonly source: WebhookSource,
    private readonly context: WebhookContext,
  ) {
    this.caller = new WebhookCaller(context, 'admit');
  }

  handles({ resource }: AdmissionTarget): boolean {
    return !isExempt(resource);
  }

  admit(request: AdmissionRequest): void | Promise<void> {
    const candidates = this.source.candidatesFor(request);
    if (candidates.length > 0) return this.askEach(candidates, request);
  }

  private async askEach(candidates: readonly Candidate[], request: AdmissionRequest): Promise<void> {
    request.reinvocation ??= new Reinvocation();
    const recalls = request.reinvocation.recallsOf(this.name);
    recalls.begin(request.object);
    const objects = new VersionedObjects(this.context.catalog, request);
    for (const candidate of candidates) {
      const { webhook } = candidate;
      if (!(await this.caller.wants(candidate, request, objects))) continue;
      if (recalls.leavesOut(webhook.uid)) continue;
      recalls.wasCalled(webhook.uid, await this.askOne(candidate, request, objects), webhook.isReinvoked);
    }
    recalls.end(request.object);
  }

  private async askOne(candidate: Candidate, request: AdmissionRequest, objects: VersionedObjects): Promise<boolean> {
    const { webhook, index } = candidate;
    const place = `round_${request.reinvocation!.round}_index_${index}`;
    const from = { configuration: webhook.configuration, webhook: webhook.name };
    let isChanged = false;
    try {
      const use = async (response: ReviewResponse) => {
        const patch = patchOf(candidate, response);
        if (patch.length === 0) return;
        isChanged = await this.apply(candidate, patch, objects);
        const noted = { ...from, patch, patchType: 'JSONPatch' };
        request.annotate(`patch.webhook.admission.k8s.io/${place}`, JSON.stringify(noted), 'Request');
      };
      await this.caller.ask(candidate, request, objects, use);
      return isChanged;
    } finally {
      request.annotate(`mutation.webhook.admission.k8s.io/${place}`, JSON.stringify({ ...from, mutated: isChanged }));
    }
  }

  /** Whether the object is another one with the patch. */
  private async apply({ webhook, kind }: Candidate, patch: unknown[], objects: VersionedObjects): Promise<boolean> {
    const { catalog } = this.context;
    const before = await objects.object(kind);
    if (before === undefined) {
      const what = 'attempted to modify the object, which is not supported for this operation';
      throw internalError(new Error(`admission webhook ${JSON.stringify(webhook.name)} ${what}`));
    }
    const object = patchedObject(catalog, before, kind, patch);
    const isChanged = !semanticEqual(before, object);
    applyDefaults(catalog, object, kind);
    await objects.replace(object, kind);
    return isChanged;
  }
}

function patchOf({ webhook }: Candidate, { patch, patchType }: ReviewResponse): unknown[] {
  if (patch === '') return [];
  const operations = operationsOf(webhook.name, patch);
  if (operations.length > 0 && patchType !== 'JSONPatch') {
    throw new WebhookFailure(webhook.name, `unsupported patch type ${JSON.stringify(patchType)}`, 400);
  }
  return operations;
}

function operationsOf(webhook: string, patch: string): unknown[] {
  const undecodable = (why: string) =>
    new WebhookFailure(webhook, `received undecodable patch in webhook response: ${why}`, 503);
  let operations: unknown;
  try {
    operations = decodeJson(Buffer.from(patch), false).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw undecodable(error.message);
    throw error;
  }
  if (operations === null) return [];
  if (Array.isArray(operations)) return operations;
  throw undecodable(`json: cannot unmarshal ${typeof operations} into Go value of type jsonpatch.Patch`);
}
