import assert from 'node:assert/strict';
import type { PersistentVolumeClaim } from '#kinds';
import { isPatterned, patternedFolder } from './local-path-pattern.js';

const CLAIM = {
  uid: 'u',
  namespace: 'ns',
  name: 'data.0',
  labels: { app: 'db', 'example.com/tier': 'gold', up: '../..', deep: 'a/b' },
  annotations: { disk: 'd1' },
} as PersistentVolumeClaim['metadata'];
const OWN = '{{ .PVC.Namespace }}/{{ .PVC.Name }}';
const BEGINS = /must begin with \{\{ \.PVC\.Namespace \}\}\/\{\{ \.PVC\.Name \}\}$/;

describe('A pattern of a class', () => {
  for (const [pattern, folder] of [
    [OWN, 'ns/data.0'],
    [`${OWN}/`, 'ns/data.0'],
    ['{{.PVC.Namespace}}/{{- .PVC.Name -}}', 'ns/data.0'],
    [`${OWN}/{{ .PVName }}`, 'ns/data.0/pvc-u'],
    [`${OWN}/{{ .PVC.UID }}-{{ .PVC.Labels.app }}`, 'ns/data.0/u-db'],
    [`${OWN}/{{ index .PVC.Labels "example.com/tier" }}/{{ .PVC.Annotations.disk }}`, 'ns/data.0/gold/d1'],
    [`${OWN}/{{ .PVC.Labels.deep }}`, 'ns/data.0/a/b'],
  ] as const) {
    it(`names a folder: ${pattern}`, () => assert.equal(patternedFolder({ pathPattern: pattern }, CLAIM), folder));
  }

  for (const [pattern, message] of [
    ['{{ .PVName }}', BEGINS],
    ['{{ .PVC.Namespace }}', BEGINS],
    ['{{ .PVC.Namespace }}/{{ .PVC.Name }}-{{ .PVC.UID }}', BEGINS],
    ['/{{ .PVC.Namespace }}/{{ .PVC.Name }}', BEGINS],
    [`${OWN}//x`, /is no path of plain names$/],
    [`${OWN}/../../x`, /is no path of plain names$/],
    [`${OWN}/{{ .PVC.Labels.up }}`, /is no path of plain names$/],
    [`${OWN}/.new-x`, /is no path of plain names$/],
    [`${OWN}/a b`, /is no path of plain names$/],
    [`${OWN}${'/x'.repeat(8)}`, /is no path of plain names$/],
    [`${OWN}/{{ .PVC.Labels.none }}`, /^parameter pathPattern: "\{\{ \.PVC\.Labels\.none \}\}" is not supported, or/],
    [`${OWN}/{{ .PVC.Labels.constructor }}`, /is not supported, or the claim has no such value$/],
    [`${OWN}/{{ if true }}x{{ end }}`, /is not supported/],
  ] as const) {
    it(`is refused: ${pattern}`, () =>
      assert.throws(() => patternedFolder({ pathPattern: pattern }, CLAIM), { message }));
  }

  it('takes no longer for blanks, however many there are', () => {
    const pathPattern = `{{${' '.repeat(100_000)}`;
    assert.throws(() => patternedFolder({ pathPattern }, CLAIM), { message: BEGINS });
  });

  it('does not lead out of the folder of the claim on demand', () => {
    assert.throws(() => patternedFolder({ pathPattern: 'x', allowUnsafePathPattern: 'true' }, CLAIM), {
      message: 'parameter allowUnsafePathPattern is not supported',
    });
  });

  it('is what a class may leave out', () => {
    assert.equal(isPatterned({}), false);
    assert.equal(isPatterned({ parameters: { nodePath: '/x' } }), false);
    assert.equal(isPatterned({ parameters: { pathPattern: OWN } }), true);
  });
});
