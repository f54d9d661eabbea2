import { type DecodedJson, decodeJson, decodeJsonSteps, JsonSyntaxError } from '#apimachinery';
import { inTurns } from './large-bodies.js';
import type { ApiRequest } from './pipeline.js';

/** A large body that was read ahead, or why it cannot be; the data is taken once, since what takes it changes it. */
export interface JsonAhead {
  decoded?: DecodedJson;
  error?: JsonSyntaxError;
}

/** Reads a large body with pauses, ahead of the pipeline, which does not wait. */
export async function readJsonAhead(request: ApiRequest): Promise<void> {
  const { body, contentType } = request;
  request.json = undefined;
  if (!Buffer.isBuffer(body) || contentType.includes('protobuf')) return;
  try {
    request.json = { decoded: await inTurns(decodeJsonSteps(body)) };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    request.json = { error };
  }
}

/** The body as JSON: the caller's own copy. Throws JsonSyntaxError. */
export function jsonOf({ json }: ApiRequest, body: Buffer, detectDuplicates: boolean): DecodedJson {
  if (json?.error) throw json.error;
  const decoded = json?.decoded;
  if (!json || !decoded) return decodeJson(body, detectDuplicates);
  json.decoded = undefined;
  return detectDuplicates ? decoded : { value: decoded.value, duplicates: [] };
}
