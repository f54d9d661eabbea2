import type { KubeObject } from '#apimachinery';
import type { WebhookAddress, WebhookCaller } from '../conversions.js';

/** Stands for somebody's conversion webhook: v1 has spec.color, which every other version calls spec.paint. */
export class PaintWebhook implements WebhookCaller {
  /** `<desired version> <objects>` of each call. */
  readonly calls: string[] = [];
  address: WebhookAddress | undefined;
  /** In place of the answer. */
  answer: ((review: any) => unknown) | undefined;
  /** Calls wait for it. */
  gate: Promise<void> | undefined;

  async call(address: WebhookAddress, sent: unknown): Promise<unknown> {
    // As over a connection: nothing of the server's own objects is in the answer.
    const body = JSON.parse(JSON.stringify(sent));
    this.address = address;
    const { uid, objects, desiredAPIVersion } = body.request;
    this.calls.push(`${desiredAPIVersion.split('/')[1]} ${objects.length}`);
    await this.gate;
    if (this.answer) return this.answer(body);
    const convertedObjects = objects.map((object: KubeObject) => painted(object, desiredAPIVersion));
    return { ...body, request: undefined, response: { uid, result: { status: 'Success' }, convertedObjects } };
  }
}

function painted(object: KubeObject, apiVersion: string): KubeObject {
  const { color, paint, ...spec } = object['spec'] ?? {};
  const shown = color ?? paint;
  return { ...object, apiVersion, spec: { ...spec, [apiVersion.endsWith('/v1') ? 'color' : 'paint']: shown } };
}
