import { decodeJsonSteps, JsonSyntaxError } from '#apimachinery';
import { inTurns } from './large-bodies.js';
import type { RequestBody } from './request-body.js';
import { YamlReader } from './yaml-reader.js';
import { type YamlAsJson, YamlBody, YamlError } from './yaml-text.js';

const reader = new YamlReader();

/** Whether a body of this type has to be read before the rest of the pipeline, which does not wait, sees it. */
export function isYaml({ contentType, body }: RequestBody): boolean {
  return contentType.includes('yaml') && Buffer.isBuffer(body) && body.length > 0;
}

/** Reads the body into `yaml`, or puts there why it cannot be read. `userName` shares the reader with others. Rejects with a 413 or 429. */
export async function readYamlBody(request: RequestBody, userName: string): Promise<void> {
  if (request.yaml) return;
  const bytes = request.body as Buffer;
  request.yaml = (await jsonIn(bytes)) ?? (await yamlIn(bytes, userName));
}

/** JSON is YAML, and what most clients send as such. Unless keys are repeated, of which the YAML reader says the line. */
async function jsonIn(bytes: Buffer): Promise<YamlBody | undefined> {
  if (!beginsAsObject(bytes)) return undefined;
  try {
    const { value, duplicates } = await inTurns(decodeJsonSteps(bytes));
    return duplicates.length > 0 ? undefined : new YamlBody(bytes.toString('utf8'), [], { value });
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const BRACE = 0x7b;

function beginsAsObject(bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length && SPACE.has(bytes[at]!)) at += 1;
  return bytes[at] === BRACE;
}

async function yamlIn(bytes: Buffer, user: string): Promise<YamlBody | YamlError> {
  let read: YamlAsJson;
  try {
    read = await reader.read(bytes, user);
  } catch (error) {
    if (error instanceof YamlError) return error;
    throw error;
  }
  const { value } = await inTurns(decodeJsonSteps(Buffer.from(read.json), false));
  return new YamlBody(read.json, read.strict, { value });
}

/** What `readYamlBody` read; null for a request without a body. Throws YamlError. */
export function yamlOf({ yaml }: RequestBody): YamlBody {
  if (yaml instanceof YamlError) throw yaml;
  return yaml ?? new YamlBody('null', []);
}
