import { setOwn } from '#apimachinery';
import type { KindStrategy } from '../../../contract/kind-module.js';
import type { Secret } from '../../../generated/types.js';

export const secretStrategy: KindStrategy = {
  convert: mergeStringData,
};

/** `stringData` is write-only: it overrides `data`, key by key. */
function mergeStringData(secret: Secret): void {
  const { stringData } = secret;
  if (stringData === undefined) return;
  secret.data = { ...secret.data };
  for (const key in stringData) setOwn(secret.data, key, Buffer.from(stringData[key]!, 'utf8').toString('base64'));
  delete secret.stringData;
}
