import assert from 'node:assert/strict';
import { negotiateInput, negotiateOutput } from './negotiation.js';

describe('negotiation', () => {
  const table: [accept: string | undefined, shown: string][] = [
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/json;charset=utf-8', 'application/json'],
    ['application/vnd.kubernetes.protobuf,application/json', 'application/json'],
    ['application/yaml', 'application/yaml'],
    ['application/json;q=0.5,application/yaml', 'application/yaml'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'application/json Table meta.k8s.io/v1'],
    ['application/json;as=Table;g=meta.k8s.io;v=v1beta1', 'application/json Table meta.k8s.io/v1beta1'],
    ['application/json;as=Thing;g=meta.k8s.io;v=v1,application/json', 'application/json'],
    ['text/html,*/*;q=0.8', 'application/json'],
  ];
  for (const [accept, shown] of table) {
    test(`${accept} gives ${shown}`, () => {
      const { mediaType, as, asVersion } = negotiateOutput(accept, false);
      assert.equal([mediaType, as, asVersion].filter(Boolean).join(' '), shown);
    });
  }

  test('what cannot be served is refused', () => {
    for (const accept of ['text/html', 'application/vnd.kubernetes.protobuf', 'application/json;as=Table;v=v2;g=x']) {
      assert.throws(() => negotiateOutput(accept, false), { code: 406 });
    }
    assert.throws(() => negotiateOutput('application/yaml', true), { code: 406 });
  });

  test('bodies are JSON, YAML or protobuf, whatever the charset', () => {
    assert.equal(negotiateInput(''), 'json');
    assert.equal(negotiateInput('application/json; charset="UTF-8"'), 'json');
    assert.equal(negotiateInput('application/yaml'), 'yaml');
    assert.equal(negotiateInput('application/vnd.kubernetes.protobuf'), 'protobuf');
    assert.throws(() => negotiateInput('application/xml'), { code: 415 });
  });
});

test('what is never stored has no Table, but falls back to JSON', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  assert.throws(() => negotiateOutput(table, false, false), { code: 406 });
  assert.equal(negotiateOutput(`${table},application/json`, false, false).as, undefined);
  assert.equal(negotiateOutput(table, false).as, 'Table');
});
