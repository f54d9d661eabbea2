import assert from 'node:assert/strict';
import { plainResources } from './remote-documents.js';

describe('the list of a version in the form of aggregated discovery', () => {
  it('has subresources within their resources', () => {
    const body = JSON.stringify({
      groupVersion: 'example.com/v1',
      resources: [
        {
          name: 'gears',
          singularName: 'gear',
          namespaced: true,
          kind: 'Gear',
          verbs: ['get'],
          shortNames: ['g'],
          categories: ['all'],
        },
        {
          name: 'gears/scale',
          singularName: '',
          group: 'autoscaling',
          version: 'v1',
          kind: 'Scale',
          verbs: ['get', 'update'],
        },
        { name: 'shops', kind: 'Shop' },
      ],
    });
    assert.deepEqual(plainResources(body), [
      {
        resource: 'gears',
        responseKind: { group: 'example.com', version: 'v1', kind: 'Gear' },
        scope: 'Namespaced',
        singularResource: 'gear',
        verbs: ['get'],
        shortNames: ['g'],
        categories: ['all'],
        subresources: [
          {
            subresource: 'scale',
            responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
            verbs: ['get', 'update'],
          },
        ],
      },
      {
        resource: 'shops',
        responseKind: { group: 'example.com', version: 'v1', kind: 'Shop' },
        scope: 'Cluster',
        singularResource: '',
        verbs: [],
      },
    ]);
  });

  it('is empty when the server lists nothing of use', () => {
    for (const body of ['{}', '[]', 'null', '{"resources":[1,{}]}']) assert.deepEqual(plainResources(body), [], body);
  });
});
