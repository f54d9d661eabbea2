import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeBody } from './body-decoder.js';
import type { ApiRequest } from './pipeline.js';

const deployment = { group: 'apps', version: 'v1', kind: 'Deployment', schemaName: 'io.k8s.api.apps.v1.Deployment' };
const json =
  '{"metadata":{"name":"a","unknownMeta":1},"spec":{"unknownField":"x","replicas":1,"replicas":2,"template":{"metadata":{"foo":1}}}}';
const yaml = 'spec:\n  unknownField: x\n  replicas: 1\n  replicas: 2\n  paused: true\n  paused: false\n';

function decode(body: string, contentType: string, validation: 'Strict' | 'Warn', warnings: string[] = []): unknown {
  const request = { body: Buffer.from(body), contentType } as ApiRequest;
  return decodeBody(request, deployment, validation, warnings);
}

describe('strict decoding', () => {
  const bodies: [contentType: string, body: string, errors: string][] = [
    [
      'application/json',
      json,
      'unknown field "metadata.unknownMeta", unknown field "spec.unknownField", duplicate field "spec.replicas", unknown field "spec.template.metadata.foo"',
    ],
    [
      'application/yaml',
      yaml,
      'yaml: unmarshal errors:\n  line 4: key "replicas" already set in map\n  line 6: key "paused" already set in map, unknown field "spec.unknownField"',
    ],
  ];
  for (const [contentType, body, errors] of bodies) {
    it(`of ${contentType} refuses unknown and repeated fields`, () => {
      const message = `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${errors}`;
      assert.throws(() => decode(body, contentType, 'Strict'), { message });
    });
  }

  it('as warnings is one line each', () => {
    const warnings: string[] = [];
    decode(yaml, 'application/yaml', 'Warn', warnings);
    assert.deepEqual(warnings, [
      'line 4: key "replicas" already set in map',
      'line 6: key "paused" already set in map',
      'unknown field "spec.unknownField"',
    ]);
  });
});
