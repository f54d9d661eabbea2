import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { isExempt } from './exempt-resources.js';
import { VersionedObjects } from './versioned-objects.js';
import { overdue, WebhookCaller, type WebhookContext } from './webhook-caller.js';
import type { Candidate, WebhookSource } from './webhook-source.js';

/** Asks the webhooks of ValidatingWebhookConfigurations, all at once. One of them is enough to refuse a request. */
export class ValidatingAdmissionWebhook implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionWebhook';
  private readonly caller: WebhookCaller;

  constructor(
    private readonly source: WebhookSource,
    private readonly context: WebhookContext,
  ) {
    this.caller = new WebhookCaller(context, 'validating');
  }

  handles({ resource }: AdmissionTarget): boolean {
    return !isExempt(resource);
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const candidates = this.source.candidatesFor(request);
    if (candidates.length > 0) return this.askAll(candidates, request);
  }

  private async askAll(candidates: readonly Candidate[], request: AdmissionRequest): Promise<void> {
    const objects = new VersionedObjects(this.context.catalog, request);
    const wanted: Candidate[] = [];
    for (const candidate of candidates) {
      if (await this.caller.wants(candidate, request, objects)) wanted.push({ ...candidate, index: wanted.length });
    }
    if (wanted.length > 0 && request.signal.aborted) throw overdue();
    const answers = await Promise.allSettled(wanted.map((candidate) => this.caller.ask(candidate, request, objects)));
    // The reference gives the refusal that came first; the same request should have the same answer.
    const refused = answers.find((answer) => answer.status === 'rejected');
    if (refused) throw refused.reason;
  }
}
