import assert from 'node:assert/strict';
import { decodeBody, expectedKind } from './body-decoder.js';
import type { RequestBody } from './request-body.js';
import { isYaml, readYamlBody } from './yaml-body.js';

const deployment = expectedKind('apps', 'v1', 'Deployment', 'io.k8s.api.apps.v1.Deployment');
const json =
  '{"metadata":{"name":"a","unknownMeta":1},"spec":{"unknownField":"x","replicas":1,"replicas":2,"template":{"metadata":{"foo":1}}}}';
const yaml = 'spec:\n  unknownField: x\n  replicas: 1\n  replicas: 2\n  paused: true\n  paused: false\n';

async function decode(
  body: string,
  contentType: string,
  validation: 'Strict' | 'Warn',
  warnings: string[] = [],
): Promise<any> {
  const request: RequestBody = { body: Buffer.from(body), contentType };
  if (isYaml(request)) await readYamlBody(request, 'admin');
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
    it(`of ${contentType} refuses unknown and repeated fields`, async () => {
      const message = `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${errors}`;
      await assert.rejects(decode(body, contentType, 'Strict'), { message });
    });
  }

  it('as warnings is one line each', async () => {
    const warnings: string[] = [];
    await decode(yaml, 'application/yaml', 'Warn', warnings);
    assert.deepEqual(warnings, [
      'line 4: key "replicas" already set in map',
      'line 6: key "paused" already set in map',
      'unknown field "spec.unknownField"',
    ]);
  });

  it('reports a hundred problems of a body that has hundreds of thousands', async () => {
    const fields = Array.from({ length: 200_000 }, (_, i) => `"f${i}":1`).join();
    const warnings: string[] = [];
    await decode(`{${fields},"kind":"Deployment","kind":"Deployment"}`, 'application/json', 'Warn', warnings);
    assert.equal(warnings.length, 100);
    assert.equal(warnings[0], 'duplicate field "kind"');
    assert.equal(warnings[1], 'unknown field "f0"');
  });
});

describe('YAML', () => {
  it('is the first document of its text', async () => {
    const object = await decode(
      '---\nmetadata: {name: a}\n---\nmetadata: {name: b}\n--- [',
      'application/yaml',
      'Strict',
    );
    assert.equal(object.metadata.name, 'a');
  });

  it('may be JSON, whose repeated keys are said as those of YAML', async () => {
    const object = await decode(' {"metadata":{"name":"a"}}', 'application/yaml; charset=utf-8', 'Strict');
    assert.equal(object.metadata.name, 'a');
    const warnings: string[] = [];
    await decode('{"spec":{"replicas":1,\n"replicas":2}}', 'application/yaml', 'Warn', warnings);
    assert.deepEqual(warnings, ['line 2: key "replicas" already set in map']);
  });

  it('that is nested too deep or multiplies too much is refused', async () => {
    const deep = `a: ${'['.repeat(5000)}${']'.repeat(5000)}`;
    await assert.rejects(decode(deep, 'application/yaml', 'Strict'), /exceeded max depth/);
    const wide = `a: &a ${'x'.repeat(100_000)}\nb: [${Array.from({ length: 90 }, () => '*a').join()}]`;
    await assert.rejects(decode(wide, 'application/yaml', 'Strict'), /excessive aliasing/);
    const merged = `a: &a {${Array.from({ length: 20_000 }, (_, i) => `k${i}: v`).join(', ')}}\n${Array.from({ length: 5000 }, (_, i) => `m${i}: {<<: *a}`).join('\n')}`;
    await assert.rejects(
      decode(merged, 'application/yaml', 'Strict'),
      /excessive alias|takes too much time or memory to read/i,
    );
  });
});
