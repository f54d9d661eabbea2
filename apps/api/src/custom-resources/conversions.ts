import { appendAll, deepCopy, formatGroupVersion, type KubeObject, newUid, unclassified } from '#apimachinery';
import type { Conversion, CustomResourceDefinition } from '#kinds';
import type { ConversionMetrics } from './conversion-metrics.js';
import { ConversionError, conversionReview, kindText, reviewedObjects } from './conversion-review.js';

/** How a conversion webhook is reached. */
export interface WebhookAddress {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  caBundle?: string;
}

/** POSTs JSON to a webhook and gives its parsed answer. Rejects with what is wrong, in the reference's words. */
export interface WebhookCaller {
  call(
    address: WebhookAddress,
    body: unknown,
    options: { signal: AbortSignal; timeoutSeconds: number },
  ): Promise<unknown>;
}

/** Objects that one call converts at most: a list of thousands is several calls, and no body grows without a bound. */
const BATCH = 500;
/** The reference's documented limit of a conversion request. */
const TIMEOUT_SECONDS = 30;

/** What conversions stand on. */
export interface ConversionOptions {
  readonly webhooks: WebhookCaller;
  readonly metrics: ConversionMetrics;
  /** Ends calls that are under way. */
  readonly signal: AbortSignal;
}

/** Brings an object into the form of a version's schema: fields that it does not know go, defaults come. In place. */
export type Settle = (object: KubeObject) => KubeObject;

/** Between the stored versions of a definition's objects and one that is served. */
export function conversionTo(
  { metadata, spec }: CustomResourceDefinition,
  version: string,
  settle: Settle,
  options: ConversionOptions,
): Conversion {
  const { group, versions, conversion } = spec;
  const served = formatGroupVersion(group, version);
  const stored = formatGroupVersion(group, versions.find(({ storage }) => storage)!.name);
  if (conversion?.strategy !== 'Webhook') return renaming(served, stored, settle);
  const known = new Set(versions.map(({ name }) => formatGroupVersion(group, name)));
  const { clientConfig, conversionReviewVersions } = conversion.webhook!;
  const webhook: Webhook = {
    ...{ name: metadata.name!, known, options, reviewVersions: conversionReviewVersions },
    address: addressOf(clientConfig ?? {}),
  };
  return {
    sync: false,
    toStorage: (objects) => convert(webhook, objects, stored),
    fromStorage: async (objects) => (await convert(webhook, objects, served)).map(settle),
  };
}

/** Strategy None: the versions differ in name alone, and in what their schemas keep. */
function renaming(served: string, stored: string, settle: Settle): Conversion {
  return {
    sync: true,
    toStorage: (objects) => objects.map((object) => ({ ...object, apiVersion: stored })),
    fromStorage: (objects) => objects.map((object) => settle({ ...deepCopy(object), apiVersion: served })),
  };
}

interface Webhook {
  /** Of the definition. */
  readonly name: string;
  readonly address: WebhookAddress;
  readonly reviewVersions: readonly string[];
  /** apiVersions that the definition has. */
  readonly known: ReadonlySet<string>;
  readonly options: ConversionOptions;
}

/** Blank authorities are none, as in the reference. */
function addressOf({ url, service, caBundle }: WebhookAddress): WebhookAddress {
  const isBlank = !caBundle || Buffer.from(caBundle, 'base64').toString('latin1').trim() === '';
  return { url, service, caBundle: isBlank ? undefined : caBundle };
}

async function convert(webhook: Webhook, objects: readonly KubeObject[], desired: string): Promise<KubeObject[]> {
  const different = objects.filter(({ apiVersion }) => apiVersion !== desired);
  if (different.length === 0) return objects.map(deepCopy);
  for (const { apiVersion } of different) {
    if (!webhook.known.has(apiVersion)) {
      throw unclassified(`request to convert CR from an invalid group/version: ${apiVersion}`);
    }
  }
  const converted: KubeObject[] = [];
  for (let at = 0; at < different.length; at += BATCH) {
    appendAll(converted, await ask(webhook, different.slice(at, at + BATCH), desired));
  }
  let next = 0;
  return objects.map((object) => (object.apiVersion === desired ? deepCopy(object) : converted[next++]!));
}

async function ask(webhook: Webhook, objects: readonly KubeObject[], desired: string): Promise<KubeObject[]> {
  const { name, address, reviewVersions, options } = webhook;
  const { webhooks, metrics, signal } = options;
  const observe = metrics.begin(name, objects[0]!.apiVersion, desired);
  try {
    const review = conversionReview(reviewVersions, objects, desired, newUid());
    const answer = await webhooks
      .call(address, review.body, { signal, timeoutSeconds: TIMEOUT_SECONDS })
      .catch((error: Error) => {
        const text = `conversion webhook for ${kindText(objects[0]!)} failed: ${error.message}`;
        throw new ConversionError(text, 'conversion_webhook_call_failure');
      });
    const converted = reviewedObjects(review, answer, objects, desired);
    observe();
    return converted;
  } catch (error) {
    observe(error instanceof ConversionError ? error.failure : 'conversion_webhook_call_failure');
    throw unclassified((error as Error).message);
  }
}
