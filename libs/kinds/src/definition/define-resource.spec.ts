import assert from 'node:assert/strict';
import { TypeDefaults } from '../defaults/type-defaults.js';
import { type ResourceFacts } from '../facts/facts.js';
import { kindFacts } from '../facts/kind-facts.js';
import { structType } from '../schema/type-graph.js';
import { defineResource } from './define-resource.js';

function define(verbs: string[]) {
  const names = { group: 'shop.example.com', version: 'v1', kind: 'Widget' };
  const resource: ResourceFacts = {
    ...names,
    plural: 'widgets',
    singular: 'widget',
    namespaced: true,
    verbs,
    type: 'com.example.shop.v1.Widget',
  };
  return defineResource({
    resource,
    type: structType('io.k8s.api.core.v1.ConfigMap'),
    facts: kindFacts('shop.example.com/v1/Widget'),
    module: names,
    typeDefaults: new TypeDefaults(new Map()),
  });
}

describe('a resource without a validator', () => {
  it('is refused when its objects can be updated', () => {
    assert.throws(
      () => define(['create', 'update']),
      /^Error: shop.example.com\/v1\/Widget can be updated, and has no validator$/,
    );
  });

  it('is defined when they are only created', () => assert.deepEqual(define(['create']).verbs, ['create']));
});
