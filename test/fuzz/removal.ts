import { setTimeout as sleep } from 'node:timers/promises';
import type { Prober } from './prober.js';
import type { Target } from './targets.js';

/** Milliseconds in which an object goes whose server-side finalizer has work to do. */
const LONGEST_REMOVAL_MS = 5000;

/** Lists what a round left, and deletes all of it: whatever is stored can be found, and can go. */
export async function removeAll(prober: Prober, target: Target, known: Set<string>): Promise<void> {
  const request = { path: target.path };
  const answer = await prober.send(request);
  if (answer.code !== 200) {
    prober.found('objects that cannot be listed', request, answer);
    return;
  }
  const listed: string[] = JSON.parse(answer.text).items.map((item: any) => item.metadata.name);
  // The namespace has objects of this round alone; others may have any name.
  const names = target.namespaced
    ? listed.filter((name) => !KEPT.has(`${target.kind}/${name}`))
    : listed.filter((name) => known.has(name));
  for (const name of names) await removeOne(prober, target, name);
}

const KEPT = new Set(['ServiceAccount/default', 'ConfigMap/kube-root-ca.crt']);

async function removeOne(prober: Prober, target: Target, name: string): Promise<void> {
  const path = `${target.path}/${encodeURIComponent(name)}`;
  const request = { method: 'DELETE', path, body: { gracePeriodSeconds: 0, propagationPolicy: 'Background' } };
  const deleted = await prober.send(request);
  if (![200, 202, 404].includes(deleted.code)) prober.found('an object that cannot be deleted', request, deleted);
  for (const deadline = Date.now() + LONGEST_REMOVAL_MS; ; await sleep(20)) {
    const left = await prober.send({ path });
    if (left.code === 404) return;
    if (Date.now() > deadline) return prober.found('an object that does not go', { path }, left);
    await release(prober, target, path, left.text);
  }
}

/** Takes away what holds an object that is being deleted. */
async function release(prober: Prober, target: Target, path: string, text: string): Promise<void> {
  const object = JSON.parse(text);
  const send = async (request: Parameters<Prober['send']>[0]) => {
    const answer = await prober.send(request);
    if (![200, 404, 409].includes(answer.code)) prober.found('an object that cannot be released', request, answer);
  };
  if (target.kind === 'Namespace') {
    await send({ method: 'PUT', path: `${path}/finalize`, body: { ...object, spec: { finalizers: [] } } });
  }
  if ((object.metadata.finalizers ?? []).length > 0) {
    await send({ method: 'PATCH', path, body: { metadata: { finalizers: null } } });
  }
}
