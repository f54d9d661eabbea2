import { type DecodedJson, decodeJson, decodeJsonSteps, JsonSyntaxError } from '#apimachinery';
import { inTurns } from './large-bodies.js';
import { decodeMessageSteps, readEnvelope } from './protobuf/wire-decoder.js';
import { WireError } from './protobuf/wire-messages.js';
import type { RequestBody } from './request-body.js';

/**
 * Reads a large body with pauses, ahead of the pipeline, which does not wait. `schemaName`: the type that it is most
 * likely of.
 */
export async function readAhead(request: RequestBody, schemaName: string): Promise<void> {
  const { body, contentType } = request;
  request.ahead = undefined;
  if (!Buffer.isBuffer(body)) return;
  try {
    if (contentType.includes('protobuf')) {
      const value = await inTurns(decodeMessageSteps(schemaName, readEnvelope(body).raw));
      request.ahead = { decoded: { value, duplicates: [] }, schemaName };
    } else request.ahead = { decoded: await inTurns(decodeJsonSteps(body)) };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError || error instanceof WireError)) throw error;
    request.ahead = error instanceof WireError ? { error, schemaName } : { error };
  }
}

/** The body as JSON: the caller's own copy. Throws JsonSyntaxError. */
export function jsonOf({ ahead }: RequestBody, body: Buffer, detectDuplicates: boolean): DecodedJson {
  if (ahead?.error) throw ahead.error;
  const decoded = ahead?.decoded;
  if (!ahead || !decoded) return decodeJson(body, detectDuplicates);
  ahead.decoded = undefined;
  return detectDuplicates ? decoded : { value: decoded.value, duplicates: [] };
}

/** The message that was read ahead, once; undefined where there is none of this type. Throws WireError. */
export function messageOf({ ahead }: RequestBody, schemaName: string): object | undefined {
  if (ahead?.schemaName !== schemaName) return undefined;
  if (ahead.error) throw ahead.error;
  const value = ahead.decoded?.value as object | undefined;
  ahead.decoded = undefined;
  return value;
}
