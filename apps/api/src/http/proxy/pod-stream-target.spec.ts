import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { executionPath, logPath } from './pod-stream-target.js';

const pod = {
  metadata: { namespace: 'a', name: 'p' },
  spec: { nodeName: 'n', containers: [{ name: 'c' }] },
  status: { phase: 'Running' },
} as unknown as KubeObject;

describe('switches of streams', () => {
  const rows: [text: string, on: boolean][] = [
    ['true', true],
    ['1', true],
    ['', true],
    ['anything', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
    ['0', false],
  ];
  for (const [text, on] of rows) {
    it(`${JSON.stringify(text)} is ${on}`, () => {
      const log = logPath(pod, new URLSearchParams({ follow: text }));
      assert.equal(log, `/containerLogs/a/p/c${on ? '?follow=true' : ''}`);
      const exec = executionPath('exec', pod, new URLSearchParams({ stdout: '1', tty: text, command: 'ls' }));
      assert.equal(exec, `/exec/a/p/c?output=1${on ? '&tty=1' : ''}&command=ls`);
    });
  }
});
