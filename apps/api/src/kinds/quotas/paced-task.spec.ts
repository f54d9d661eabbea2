import assert from 'node:assert/strict';
import { FakeClock } from '#testing';
import { PacedTask } from './paced-task.js';

/** A task whose runs end when the test says so. */
function rig() {
  const clock = new FakeClock();
  const ends: (() => void)[] = [];
  let runs = 0;
  const task = new PacedTask(clock, 100, () => {
    runs += 1;
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  const end = async () => {
    ends.shift()!();
    await clock.advance(0);
  };
  return { clock, task, end, runs: () => runs };
}

describe('a paced task', () => {
  test('runs at once, and for all who ask meanwhile once more after a pause', async () => {
    const { clock, task, end, runs } = rig();
    task.request();
    task.request();
    assert.equal(runs(), 1);
    task.request();
    await end();
    assert.equal(runs(), 1);
    await clock.advance(99);
    assert.equal(runs(), 1);
    await clock.advance(1);
    assert.equal(runs(), 2);
  });

  test('runs without a pause for whoever waits', async () => {
    const { task, end, runs } = rig();
    assert.equal(task.finished(), undefined);
    task.request();
    await end();
    task.request();
    assert.equal(runs(), 1);
    const waited = task.finished();
    assert.equal(runs(), 2);
    await end();
    await waited;
    assert.equal(task.finished(), undefined);
  });

  test('makes nobody wait for what others ask later', async () => {
    const { task, end, runs } = rig();
    task.request();
    task.request();
    let done = false;
    const waited = task.finished()!.then(() => {
      done = true;
    });
    await end();
    assert.equal(runs(), 2);
    task.request();
    assert.equal(done, false);
    await end();
    await waited;
    assert.equal(done, true);
  });

  test('ends for good', async () => {
    const { clock, task, runs } = rig();
    task.stop();
    task.request();
    await clock.advance(1000);
    assert.equal(task.finished(), undefined);
    assert.equal(runs(), 0);
  });
});
