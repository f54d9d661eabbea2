import assert from 'node:assert/strict';
import { ControlPlane } from '../attack/control-plane.js';
import type { Prober } from './prober.js';
import { findingText } from './report.js';
import { playRound } from './round.js';
import { makeWorld, type World } from './world.js';

const FIRST_SEED = 1;
const ROUNDS = 150;

describe('random requests', () => {
  let plane: ControlPlane;
  let world: World;

  beforeAll(async () => {
    plane = await ControlPlane.start('127.0.0.1');
    world = await makeWorld(plane, []);
  });
  afterAll(() => plane?.close());

  test('the valid object of every kind is created', async () => {
    const refused: string[] = [];
    for (const [at, target] of world.targets.entries()) {
      if (!target.isValid) continue;
      const sample = target.sample(`s${at}`);
      const { code, text } = await plane.requester.send(plane.admin, {
        method: 'POST',
        path: target.path,
        body: sample,
      });
      if (code !== 201) refused.push(`${target.key}: ${code} ${text.slice(0, 300)}`);
      if (!target.kept || code !== 201) continue;
      const path = `${target.path}/${JSON.parse(text).metadata.name}`;
      await plane.requester.send(plane.admin, { method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
    }
    assert.deepEqual(refused, []);
  });

  test(`${ROUNDS} rounds cause no server error, and store nothing that is wrong`, async () => {
    const probers: Prober[] = [];
    for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) probers.push(await playRound(world, seed));
    assert.deepEqual(
      probers.flatMap(({ findings }) => findings.map(findingText)),
      [],
    );
    const sum = (count: (prober: Prober) => number) => probers.reduce((total, prober) => total + count(prober), 0);
    assert.ok(plane.isSameProcess);
    // What is refused at the door finds nothing behind it.
    assert.ok(sum(({ accepted }) => accepted) > sum(({ requests }) => requests) / 3);
  });
});
