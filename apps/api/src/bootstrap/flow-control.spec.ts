import assert from 'node:assert/strict';
import { findKind, type WriteContext } from '#kinds';
import { flowSchemaSpec, priorityLevelSpec } from './flow-control.bootstrap.js';
import { FLOW_SCHEMAS, PRIORITY_LEVELS } from './flow-control.facts.js';

const writing: WriteContext = {
  user: { name: 'system:apiserver', groups: [] },
  now: new Date('2026-01-02T03:04:05Z'),
  subresource: '',
  warn() {},
};

function errors(kind: string, name: string, spec: Record<string, unknown>): unknown[] {
  const { strategy } = findKind('flowcontrol.apiserver.k8s.io', 'v1', kind)!;
  const object = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1', kind, metadata: { name }, spec };
  strategy.applyDefaults(object);
  return strategy.validateCreate(object, writing);
}

describe('objects of flow control at the first start', () => {
  for (const facts of PRIORITY_LEVELS) {
    it(`has a valid priority level ${facts.name}`, () =>
      assert.deepEqual(errors('PriorityLevelConfiguration', facts.name, priorityLevelSpec(facts)), []));
  }
  for (const facts of FLOW_SCHEMAS) {
    it(`has a valid flow schema ${facts.name}`, () =>
      assert.deepEqual(errors('FlowSchema', facts.name, flowSchemaSpec(facts)), []));
  }
});
