import type { ControlPlane } from '../attack/control-plane.js';
import type { Identity } from '../attack/requester.js';
import type { Send } from './prober.js';
import { certificateRequest } from './samples.js';
import { CUSTOM, collection, customTargetDefinition, type Target, targets } from './targets.js';
import { Types } from './types.js';

/** What all rounds share. */
export interface World {
  send: Send;
  admin: Identity;
  types: Types;
  targets: Target[];
}

/** In a namespace of its own, with the custom kind defined. `words` choose kinds; none means all. */
export async function makeWorld(plane: ControlPlane, words: readonly string[]): Promise<World> {
  const namespace = 'fuzz';
  await plane.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await plane.create(collection('', 'v1', 'serviceaccounts', namespace), account);
  await plane.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', customTargetDefinition);
  await established(plane);
  const place = { namespace, authority: plane.pki('ca.crt'), request: await certificateRequest() };
  const chosen = choose(targets(place), words);
  if (chosen.length === 0) throw new Error(`no kind has any of these words: ${words.join(' ')}`);
  const types = new Types(await plane.json('/openapi/v2'));
  return { send: plane.requester.send, admin: plane.admin, types, targets: chosen };
}

/** Whole keys stand for themselves alone, so that a failure is played again on its own kind. */
function choose(all: Target[], words: readonly string[]): Target[] {
  if (words.length === 0) return all;
  const isWhole = (word: string) => all.some(({ key }) => key === word);
  return all.filter(({ key }) => words.some((word) => (isWhole(word) ? key === word : key.includes(word))));
}

async function established(plane: ControlPlane): Promise<void> {
  const path = collection(CUSTOM.group, 'v1', CUSTOM.plural, '');
  for (const deadline = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const { code } = await plane.requester.send(plane.admin, { path });
    const document = code === 200 ? await plane.json('/openapi/v2') : undefined;
    if (JSON.stringify(document ?? {}).includes(`"${CUSTOM.kind}"`)) return;
    if (Date.now() > deadline) throw new Error(`${path} is not served: ${code}`);
  }
}
