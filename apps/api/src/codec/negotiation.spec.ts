import assert from 'node:assert/strict';
import { negotiateInput, negotiateOutput, negotiateStatus, type Offer } from './negotiation.js';

const ANY: Offer = { stream: false, converts: true, protobuf: true };
const STREAM: Offer = { ...ANY, stream: true };
const REVIEW: Offer = { ...ANY, converts: false };
const CUSTOM: Offer = { ...ANY, protobuf: false };
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const TABLE = ';as=Table;v=v1;g=meta.k8s.io';
const METADATA = ';as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

describe('negotiation', () => {
  const table: [accept: string | undefined, offer: Offer, shown: string][] = [
    [undefined, ANY, 'application/json'],
    ['*/*', ANY, 'application/json'],
    ['application/json;charset=utf-8', ANY, 'application/json'],
    ['application/yaml', ANY, 'application/yaml'],
    ['application/json;q=0.5,application/yaml', ANY, 'application/yaml'],
    [`application/json${TABLE},application/json`, ANY, 'application/json Table meta.k8s.io/v1'],
    ['application/json;as=Table;g=meta.k8s.io;v=v1beta1', ANY, 'application/json Table meta.k8s.io/v1beta1'],
    ['application/json;as=Thing;g=meta.k8s.io;v=v1,application/json', ANY, 'application/json'],
    ['text/html,*/*;q=0.8', ANY, 'application/json'],
    [PROTOBUF, ANY, PROTOBUF],
    [`${PROTOBUF},application/json`, ANY, PROTOBUF],
    [`application/json,${PROTOBUF}`, ANY, 'application/json'],
    [`application/json;q=0.5,${PROTOBUF};q=0.9`, ANY, PROTOBUF],
    [`${PROTOBUF};q=0.1,*/*;q=0.2`, ANY, 'application/json'],
    [`${PROTOBUF};stream=watch`, STREAM, PROTOBUF],
    [`${PROTOBUF},application/json`, STREAM, PROTOBUF],
    [`${PROTOBUF}${TABLE},application/json${TABLE}`, ANY, 'application/json Table meta.k8s.io/v1'],
    [`${PROTOBUF}${METADATA},application/json`, ANY, `${PROTOBUF} PartialObjectMetadata meta.k8s.io/v1`],
    [`${PROTOBUF}${METADATA},application/json`, CUSTOM, `${PROTOBUF} PartialObjectMetadata meta.k8s.io/v1`],
    [`${PROTOBUF},application/json`, CUSTOM, 'application/json'],
    [`application/json${TABLE},application/json`, REVIEW, 'application/json'],
    [PROTOBUF, REVIEW, PROTOBUF],
  ];
  for (const [accept, offer, shown] of table) {
    test(`${accept} gives ${shown} where there is ${JSON.stringify(offer)}`, () => {
      const { mediaType, as, asVersion } = negotiateOutput(accept, offer);
      assert.equal([mediaType, as, asVersion].filter(Boolean).join(' '), shown);
    });
  }

  const EACH = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  const EACH_STREAM = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';
  const refused: [accept: string, offer: Offer, accepted: string][] = [
    ['text/html', ANY, EACH],
    ['application/json;as=Table;v=v2;g=x', ANY, EACH],
    [`${PROTOBUF}${TABLE}`, ANY, EACH],
    [`${PROTOBUF};q=0`, ANY, EACH],
    [PROTOBUF, CUSTOM, EACH],
    [`application/json${TABLE}`, REVIEW, EACH],
    ['text/html', STREAM, EACH],
    ['application/yaml', STREAM, EACH_STREAM],
  ];
  for (const [accept, offer, accepted] of refused) {
    test(`${accept} is refused where there is ${JSON.stringify(offer)}`, () => {
      const message = `only the following media types are accepted: ${accepted}`;
      assert.throws(() => negotiateOutput(accept, offer), { code: 406, message });
    });
  }

  test('an error is JSON for who asks for nothing that it could be', () => {
    assert.equal(negotiateStatus(PROTOBUF).mediaType, PROTOBUF);
    assert.equal(negotiateStatus(`${PROTOBUF}${METADATA},application/yaml`).mediaType, 'application/yaml');
    assert.equal(negotiateStatus('text/html').mediaType, 'application/json');
  });

  test('bodies are JSON, YAML or protobuf, whatever the charset', () => {
    assert.equal(negotiateInput(''), 'json');
    assert.equal(negotiateInput('application/json; charset="UTF-8"'), 'json');
    assert.equal(negotiateInput('application/yaml'), 'yaml');
    assert.equal(negotiateInput('application/vnd.kubernetes.protobuf'), 'protobuf');
    assert.throws(() => negotiateInput('application/xml'), { code: 415 });
  });
});
