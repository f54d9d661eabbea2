import assert from 'node:assert/strict';
import { removeSandbox } from './cleanup.js';
import { CriError } from './runtime/cri.js';

const STARTING = new CriError(2, "failed to set removing state: container is in starting state, can't be removed");

describe('the removal of a sandbox at cleanup', () => {
  it('is tried again while the runtime still starts a container of it', async () => {
    const calls: string[] = [];
    const runtime = {
      async stopPodSandbox(id: string) {
        calls.push(`stop ${id}`);
      },
      async removePodSandbox(id: string) {
        calls.push(`remove ${id}`);
        if (calls.length < 4) throw STARTING;
      },
    };
    await removeSandbox(runtime, 'a');
    assert.deepEqual(calls, ['stop a', 'remove a', 'stop a', 'remove a']);
  });

  it('fails with the reason when the refusal lasts', async () => {
    const runtime = {
      async stopPodSandbox() {},
      async removePodSandbox() {
        throw STARTING;
      },
    };
    await assert.rejects(removeSandbox(runtime, 'a', 0), STARTING);
  });
});
