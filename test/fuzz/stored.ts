import { isDeepStrictEqual } from 'node:util';
import { firstDifference } from './difference.js';
import type { Json } from './mutations.js';
import type { Prober } from './prober.js';
import type { Target } from './targets.js';

type Answer = Awaited<ReturnType<Prober['send']>>;

const context = {
  user: { name: 'kubernetes-admin', groups: ['system:masters'] },
  now: new Date(),
  subresource: '',
  warn: () => {},
};

/**
 * Reads an object that a write was acknowledged for, and holds it against the rules of its kind: it reads the same when it is decoded
 * again, its own validator takes it, and a client can write it back as it is without changing anything. Undefined when it is gone.
 */
export async function checkStored(prober: Prober, target: Target, name: string): Promise<Json | undefined> {
  const request = { path: `${target.path}/${encodeURIComponent(name)}` };
  const answer = await prober.send(request);
  if (answer.code === 404) return undefined;
  if (answer.code !== 200) {
    prober.found('an object that cannot be read', request, answer);
    return undefined;
  }
  const stored = JSON.parse(answer.text);
  for (const problem of problems(target, stored)) prober.found(problem, request, answer);
  await writeBack(prober, request.path, answer);
  await readAsTable(prober, target, request.path, stored);
  return stored;
}

function problems({ definition, kind }: Target, stored: any): string[] {
  const found: string[] = [];
  if (stored.kind !== kind) found.push(`kind ${stored.kind} in place of ${kind}`);
  if (definition === undefined) return found;
  const { object, unknownFields } = definition.decode(structuredClone(stored));
  if (unknownFields.length > 0) found.push(`unknown fields are stored: ${unknownFields.slice(0, 5).join(', ')}`);
  if (!isDeepStrictEqual(object, stored))
    found.push(`decoding changes what is stored: ${firstDifference(stored, object)}`);
  const again = structuredClone(object) as typeof object;
  definition.strategy.applyDefaults(again);
  if (!isDeepStrictEqual(again, object))
    found.push(`defaulting changes what is stored: ${firstDifference(object, again)}`);
  const errors = definition.strategy.validateUpdate(structuredClone(object) as never, object as never, context);
  if (errors.length > 0) found.push(`the validator refuses what is stored: ${texts(errors)}`);
  // A new object: what only an update may bring is not there yet, and no update has set the prefix of its name.
  const { generation = 1, generateName } = stored.metadata;
  if (generation === 1 && generateName === undefined) {
    const fresh = structuredClone(object) as never;
    definition.strategy.prepareForCreate(fresh, context);
    const refused = definition.strategy.validateCreate(fresh, context);
    if (refused.length > 0) found.push(`the validator refuses to create what is stored: ${texts(refused)}`);
  }
  return found;
}

const texts = (errors: readonly { field: string; message: string }[]): string =>
  errors
    .slice(0, 3)
    .map(({ field, message }) => `${field}: ${message.slice(0, 200)}`)
    .join('; ');

/** Reads again where the server itself changed the object in between. */
const MOST_READS = 10;

async function writeBack(prober: Prober, path: string, read: Answer, reads = 1): Promise<void> {
  const stored = JSON.parse(read.text);
  const request = { method: 'PUT', path, body: read.text, headers: { 'Content-Type': 'application/json' } };
  const answer = await prober.send(request);
  if (isGone(answer, stored)) return;
  if (answer.code === 409 && reads < MOST_READS) {
    const again = await prober.send({ path });
    return again.code === 404 ? undefined : writeBack(prober, path, again, reads + 1);
  }
  if (answer.code !== 200) return prober.found('an object cannot be written back as it was read', request, answer);
  const after = JSON.parse(answer.text);
  if (after.metadata.resourceVersion === stored.metadata.resourceVersion) return;
  prober.found(`writing an object back changes it: ${firstDifference(stored, after)}`, request, answer);
}

/** It was being deleted, and the server itself removed what held it. */
function isGone(answer: Answer, stored: any): boolean {
  return answer.code === 404 && stored.metadata.deletionTimestamp !== undefined;
}

const TABLE = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

async function readAsTable(prober: Prober, { kind }: Target, path: string, stored: any): Promise<void> {
  const table = { path, headers: TABLE };
  const answer = await prober.send(table);
  if (isGone(answer, stored)) return;
  if (answer.code !== 200) return prober.found('no Table of an object', table, answer);
  const { columnDefinitions, rows } = JSON.parse(answer.text);
  // The reference sends one cell more than it declares columns for an IPAddress.
  const cells = columnDefinitions.length + (kind === 'IPAddress' ? 1 : 0);
  if (rows?.length !== 1 || rows[0].cells.length !== cells)
    prober.found('a Table without one row of the object', table, answer);
}
